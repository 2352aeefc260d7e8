-- Who is next is asked of the last block of a symbol.
CREATE INDEX block_orders_of_symbol ON block_orders (symbol, created_at DESC);
