-- The trace (X-Ray) that stored a block order, so that what the broker says of it later is told as part of it.
ALTER TABLE block_orders ADD COLUMN trace text;
