-- The edition of the language that a version's lookback was measured by; one of another edition is measured again before it is used.
ALTER TABLE strategy_versions ADD COLUMN lookback_edition integer NOT NULL DEFAULT 1 CHECK (lookback_edition > 0);
GRANT UPDATE (lookback, lookback_edition) ON strategy_versions TO stratforge_engine;
