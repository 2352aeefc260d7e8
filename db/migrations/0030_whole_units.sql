-- What a block's fills are divided in: whole units of an asset that trades in whole units only.
ALTER TABLE block_orders ADD COLUMN step numeric NOT NULL DEFAULT 0.000000001 CHECK (step > 0);
