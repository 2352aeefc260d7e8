-- When the broker changed an order after its end, by the market's clock: the account's statement may tell of each change as of its own time.
ALTER TABLE block_orders ADD COLUMN changed_at timestamptz[] NOT NULL DEFAULT '{}';
