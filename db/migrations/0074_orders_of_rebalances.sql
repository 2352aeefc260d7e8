-- no transaction
CREATE INDEX CONCURRENTLY orders_of_rebalance ON orders (rebalance_id) WHERE rebalance_id IS NOT NULL;
