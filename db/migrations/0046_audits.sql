-- What an audit has looked at, so that one that ran out of time goes on where it stopped, and what the broker's statement says of the account's orders, so that
-- a night asks for what is new. Operators alone see what comes of it, in the report.
CREATE TABLE statement_orders (
    order_id  text PRIMARY KEY,
    symbol    text NOT NULL,
    -- Bought units and what they cost count up, sold ones down.
    quantity  numeric NOT NULL,
    value     numeric NOT NULL,
    executions integer NOT NULL,
    filled_at timestamptz NOT NULL,
    read_at   timestamptz NOT NULL
);
CREATE INDEX statement_orders_filled ON statement_orders (filled_at);
CREATE INDEX statement_orders_read ON statement_orders (read_at);

CREATE TABLE audited_symbols (
    symbol      text PRIMARY KEY,
    audited_at  timestamptz NOT NULL,
    positions   bigint NOT NULL,
    trades      bigint NOT NULL,
    adjustments bigint NOT NULL,
    differences bigint NOT NULL,
    shown       jsonb NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON statement_orders, audited_symbols TO stratforge_engine;
