-- What a version's request asked for, piece by piece, and the lines that do it: the intent contract that its code passed.
ALTER TABLE strategy_versions ADD COLUMN requirements jsonb NOT NULL DEFAULT '[]';
