-- no transaction
-- Orders of portfolio sessions that wait for those of others: the timer looks several times a second, and finds few or none.
CREATE INDEX CONCURRENTLY orders_gathering ON orders (created_at) WHERE status = 'PENDING' AND rebalance_id IS NOT NULL;
