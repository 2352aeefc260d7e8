-- The broker's statement is kept by its executions: an order that was filled on both sides of the end of what is read at a time is kept whole.
-- statement_orders stays for the release before; it is read and written no more.
CREATE TABLE statement_fills (
    activity_id text PRIMARY KEY,
    order_id    text NOT NULL,
    symbol      text NOT NULL,
    -- Bought units count up, sold ones down.
    quantity    numeric NOT NULL,
    price       numeric NOT NULL,
    filled_at   timestamptz NOT NULL,
    read_at     timestamptz NOT NULL
);
CREATE INDEX statement_fills_filled ON statement_fills (filled_at);
CREATE INDEX statement_fills_read ON statement_fills (read_at, filled_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON statement_fills TO stratforge_engine;
