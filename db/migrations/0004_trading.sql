CREATE TYPE trade_side AS ENUM ('buy', 'sell');
CREATE TYPE signal_status AS ENUM ('PENDING', 'EXECUTED', 'REJECTED', 'EXPIRED');
CREATE TYPE order_status AS ENUM ('WORKING', 'FILLED', 'PARTIALLY_FILLED', 'CANCELED', 'REJECTED');
CREATE TYPE block_status AS ENUM ('STORED', 'SUBMITTED', 'UNKNOWN', 'FILLED', 'CANCELED', 'REJECTED', 'CROSSED');

CREATE TABLE signals (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id  uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    symbol      text NOT NULL,
    bar_time    timestamptz NOT NULL,
    side        trade_side NOT NULL,
    confidence  double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    size_kind   text NOT NULL DEFAULT 'default' CHECK (size_kind IN ('default', 'fraction', 'quantity', 'notional')),
    size        double precision NOT NULL DEFAULT 0,
    status      signal_status NOT NULL DEFAULT 'PENDING',
    reason      text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    -- A session says one thing on one bar, however often the bar is delivered.
    UNIQUE (session_id, bar_time)
);
CREATE INDEX signals_pending ON signals (symbol, id) WHERE status = 'PENDING';
CREATE INDEX signals_of_user ON signals (user_id, id DESC);

CREATE TABLE block_orders (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    symbol             text NOT NULL,
    -- NULL when the orders cross completely inside and nothing goes to the broker.
    side               trade_side,
    quantity           numeric NOT NULL CHECK (quantity >= 0),
    limit_price        numeric,
    -- What crosses inside: bought and sold by our users among themselves.
    cross_quantity     numeric NOT NULL CHECK (cross_quantity >= 0),
    reference_price    numeric NOT NULL CHECK (reference_price > 0),
    -- The farthest from the reference price that any of its orders may trade at, as a fraction.
    collar             numeric NOT NULL CHECK (collar BETWEEN 0 AND 1),
    bar_time           timestamptz,
    client_order_id    text NOT NULL UNIQUE CHECK (length(client_order_id) <= 128),
    alpaca_order_id    text,
    status             block_status NOT NULL,
    filled_quantity    numeric NOT NULL DEFAULT 0,
    filled_value       numeric NOT NULL DEFAULT 0,
    error              text,
    created_at         timestamptz NOT NULL DEFAULT now(),
    submitted_at       timestamptz,
    completed_at       timestamptz
);
-- The account sees one order per symbol at a time.
CREATE UNIQUE INDEX block_orders_open ON block_orders (symbol) WHERE completed_at IS NULL;

CREATE TABLE orders (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id           uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    session_id        uuid REFERENCES sessions ON DELETE SET NULL,
    -- A signal leads to at most one order.
    signal_id         bigint UNIQUE REFERENCES signals ON DELETE SET NULL,
    block_order_id    uuid REFERENCES block_orders,
    symbol            text NOT NULL,
    side              trade_side NOT NULL,
    quantity          numeric NOT NULL CHECK (quantity >= 0),
    filled_quantity   numeric NOT NULL DEFAULT 0 CHECK (filled_quantity >= 0 AND filled_quantity <= quantity),
    filled_value      numeric NOT NULL DEFAULT 0,
    -- The most a unit may cost: what is not filled yet holds back this much cash for each unit.
    reserve_price     numeric NOT NULL DEFAULT 0 CHECK (reserve_price >= 0),
    reserved_cash     numeric NOT NULL DEFAULT 0 CHECK (reserved_cash >= 0),
    reserved_quantity numeric NOT NULL DEFAULT 0 CHECK (reserved_quantity >= 0),
    status            order_status NOT NULL,
    reason            text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    completed_at      timestamptz
);
CREATE INDEX orders_of_user ON orders (user_id, created_at DESC, id);
CREATE INDEX orders_of_block ON orders (block_order_id);

-- What the broker executed, each execution once.
CREATE TABLE fills (
    execution_id        text PRIMARY KEY,
    block_order_id      uuid NOT NULL REFERENCES block_orders,
    quantity            numeric NOT NULL CHECK (quantity > 0),
    price               numeric NOT NULL CHECK (price > 0),
    cumulative_quantity numeric NOT NULL,
    filled_at           timestamptz NOT NULL
);
CREATE INDEX fills_of_block ON fills (block_order_id);

CREATE TABLE trades (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id     uuid NOT NULL REFERENCES orders,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    session_id   uuid REFERENCES sessions ON DELETE SET NULL,
    symbol       text NOT NULL,
    side         trade_side NOT NULL,
    quantity     numeric NOT NULL CHECK (quantity > 0),
    price        numeric NOT NULL CHECK (price > 0),
    realized_pnl numeric NOT NULL DEFAULT 0,
    -- The execution at the broker, or "cross:<block>" for what crossed inside.
    execution_id text NOT NULL,
    executed_at  timestamptz NOT NULL,
    UNIQUE (order_id, execution_id)
);
CREATE INDEX trades_of_user ON trades (user_id, id DESC);

CREATE TABLE positions (
    user_id           uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    -- The session that holds it; NULL for orders placed by hand.
    session_id        uuid REFERENCES sessions ON DELETE SET NULL,
    symbol            text NOT NULL,
    quantity          numeric NOT NULL CHECK (quantity >= 0),
    reserved_quantity numeric NOT NULL DEFAULT 0 CHECK (reserved_quantity >= 0 AND reserved_quantity <= quantity),
    cost_basis        numeric NOT NULL DEFAULT 0 CHECK (cost_basis >= 0),
    avg_entry_price   numeric GENERATED ALWAYS AS (CASE WHEN quantity > 0 THEN round(cost_basis / quantity, 12) ELSE 0 END) STORED,
    realized_pnl      numeric NOT NULL DEFAULT 0,
    opened_at         timestamptz,
    UNIQUE NULLS NOT DISTINCT (user_id, session_id, symbol)
);
CREATE INDEX positions_of_symbol ON positions (symbol) WHERE quantity > 0;
CREATE INDEX positions_of_session ON positions (session_id);

CREATE TABLE equity_snapshots (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    time    timestamptz NOT NULL,
    cash    numeric NOT NULL,
    equity  numeric NOT NULL,
    PRIMARY KEY (user_id, time)
);
