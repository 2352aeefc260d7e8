-- no transaction
CREATE INDEX CONCURRENTLY orders_open_of_session ON orders (session_id) WHERE status IN ('PENDING', 'RESTING', 'WORKING');
