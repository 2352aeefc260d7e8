-- Symbols that a decision of a portfolio session left alone, since an order of its owner's was open there.
ALTER TABLE rebalances ADD COLUMN left_alone text[] NOT NULL DEFAULT '{}';
