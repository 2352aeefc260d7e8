-- no transaction
CREATE UNIQUE INDEX CONCURRENTLY orders_client_order_id ON orders (user_id, client_order_id) WHERE client_order_id IS NOT NULL;
