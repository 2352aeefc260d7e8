-- The order book, protections, halts, reference data of the broker, and what the reconciler writes.

CREATE TYPE order_origin AS ENUM ('SIGNAL', 'MANUAL', 'STOP_LOSS', 'TAKE_PROFIT', 'TRAILING_STOP', 'FLATTEN');
CREATE TYPE order_type AS ENUM ('market', 'limit', 'stop', 'stop_limit', 'trailing_stop');
CREATE TYPE time_in_force AS ENUM ('day', 'gtc');

ALTER TABLE orders
    ALTER COLUMN quantity SET DEFAULT 0,
    ALTER COLUMN status SET DEFAULT 'PENDING',
    ADD COLUMN origin order_origin NOT NULL DEFAULT 'SIGNAL',
    ADD COLUMN type order_type NOT NULL DEFAULT 'market',
    ADD COLUMN time_in_force time_in_force NOT NULL DEFAULT 'day',
    -- What was asked for; quantity is what it came to when the order was accepted.
    ADD COLUMN size_kind text NOT NULL DEFAULT 'quantity' CHECK (size_kind IN ('quantity', 'notional', 'fraction')),
    ADD COLUMN size numeric NOT NULL DEFAULT 0 CHECK (size >= 0),
    ADD COLUMN limit_price numeric CHECK (limit_price > 0),
    ADD COLUMN stop_price numeric CHECK (stop_price > 0),
    ADD COLUMN trail_percent numeric CHECK (trail_percent > 0 AND trail_percent < 100),
    ADD COLUMN trail_price numeric CHECK (trail_price > 0),
    -- The best price since a trailing order was accepted.
    ADD COLUMN water_mark numeric,
    -- A resting order is looked at again when the price reaches one of these.
    ADD COLUMN wakes_below numeric,
    ADD COLUMN wakes_above numeric,
    ADD COLUMN triggered_at timestamptz,
    -- After a block that did not fill it, a limit order leaves the symbol to others until then (the market's time).
    ADD COLUMN retry_at timestamptz,
    -- The first bar whose whole range lies after the order was accepted; of earlier ones only the last price counts.
    ADD COLUMN active_from timestamptz,
    -- Times of the market, not of our clock: when it was decided on, and when a day order ends.
    ADD COLUMN decided_at timestamptz,
    ADD COLUMN expires_at timestamptz,
    -- What was filled before the order joined its present block.
    ADD COLUMN filled_before numeric NOT NULL DEFAULT 0,
    ADD COLUMN fee_quantity numeric NOT NULL DEFAULT 0,
    ADD COLUMN fee_cash numeric NOT NULL DEFAULT 0,
    ADD COLUMN cancel_requested_at timestamptz,
    ADD COLUMN replaces_order_id uuid REFERENCES orders;
CREATE INDEX orders_waiting ON orders (symbol, created_at) WHERE status IN ('PENDING', 'RESTING');
CREATE INDEX orders_decided ON orders (user_id, decided_at DESC);
CREATE INDEX orders_replacing ON orders (replaces_order_id) WHERE replaces_order_id IS NOT NULL;

ALTER TABLE trades
    ADD COLUMN block_order_id uuid REFERENCES block_orders,
    ADD COLUMN fee_quantity numeric NOT NULL DEFAULT 0 CHECK (fee_quantity >= 0 AND fee_quantity < quantity),
    ADD COLUMN fee_cash numeric NOT NULL DEFAULT 0 CHECK (fee_cash >= 0);
UPDATE trades t SET block_order_id = o.block_order_id FROM orders o WHERE o.id = t.order_id;
ALTER TABLE trades ALTER COLUMN block_order_id SET NOT NULL;
CREATE INDEX trades_of_block ON trades (block_order_id);
CREATE INDEX trades_losing ON trades (user_id, symbol, executed_at DESC) WHERE realized_pnl < 0;

ALTER TABLE block_orders
    -- Inside crossing stays between these: within the collar and every limit of the orders in the block.
    ADD COLUMN cross_low numeric,
    ADD COLUMN cross_high numeric,
    ADD COLUMN fee_rate numeric NOT NULL DEFAULT 0 CHECK (fee_rate BETWEEN 0 AND 1),
    -- Market time after which what is left of it is canceled at the broker.
    ADD COLUMN cancel_after timestamptz,
    -- Nobody else sends the block before this: who stored it is about to.
    ADD COLUMN claimed_until timestamptz NOT NULL DEFAULT now(),
    -- What the broker changed after the block was finished, and we followed (see adjustments).
    ADD COLUMN corrected_quantity numeric NOT NULL DEFAULT 0,
    ADD COLUMN corrected_value numeric NOT NULL DEFAULT 0;
UPDATE block_orders SET cross_low = reference_price * (1 - collar), cross_high = reference_price * (1 + collar);
ALTER TABLE block_orders ALTER COLUMN cross_low SET NOT NULL, ALTER COLUMN cross_high SET NOT NULL;
CREATE INDEX block_orders_recent ON block_orders (created_at DESC);

ALTER TABLE latest_prices
    -- The last finished bar: its start and range. `time` is when the price was made, by a trade or the end of a bar.
    ADD COLUMN bar_time timestamptz,
    ADD COLUMN bar_high numeric,
    ADD COLUMN bar_low numeric,
    ADD COLUMN received_at timestamptz NOT NULL DEFAULT now();
UPDATE latest_prices SET bar_time = time, bar_high = price, bar_low = price, time = time + interval '1 minute';

ALTER TABLE sessions
    ADD COLUMN stop_loss numeric CHECK (stop_loss > 0 AND stop_loss < 1),
    ADD COLUMN take_profit numeric CHECK (take_profit > 0),
    ADD COLUMN trailing_stop numeric CHECK (trailing_stop > 0 AND trailing_stop < 1),
    -- It has ended, but its last orders have not: its profit is final when they have.
    ADD COLUMN settling boolean NOT NULL DEFAULT false;
-- A paused session sees every bar, so that its state and its replay stay true; only its signals are not executed.
DROP INDEX sessions_running;
CREATE INDEX sessions_evaluated ON sessions (symbol, shard) WHERE status IN ('RUNNING', 'PAUSED');
CREATE INDEX sessions_settling ON sessions (symbol) WHERE settling;
ALTER TABLE positions ADD COLUMN high_water numeric;

-- What an operator imposes on a user; the stricter of this and what the user chose counts.
ALTER TABLE users ADD COLUMN imposed_state trading_state NOT NULL DEFAULT 'ACTIVE';

-- A person's own limits; NULL switches a rule off. Fractions are of equity.
CREATE TABLE risk_limits (
    user_id               uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    max_position          numeric CHECK (max_position > 0),
    max_exposure          numeric CHECK (max_exposure > 0),
    max_daily_loss        numeric CHECK (max_daily_loss > 0 AND max_daily_loss <= 1),
    max_drawdown          numeric CHECK (max_drawdown > 0 AND max_drawdown <= 1),
    max_orders_per_minute integer CHECK (max_orders_per_minute > 0),
    cooldown_minutes      integer CHECK (cooldown_minutes > 0),
    price_band            numeric CHECK (price_band > 0 AND price_band < 1),
    updated_at            timestamptz NOT NULL DEFAULT now()
);

-- Equity at the beginning of the market's day, and the highest ever: what daily loss and drawdown are measured from.
CREATE TABLE equity_marks (
    user_id     uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    day         date NOT NULL,
    day_equity  numeric NOT NULL,
    peak_equity numeric NOT NULL
);

CREATE TABLE platform_state (
    singleton     boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    trading_state trading_state NOT NULL DEFAULT 'ACTIVE',
    reason        text,
    changed_at    timestamptz NOT NULL DEFAULT now()
);
INSERT INTO platform_state DEFAULT VALUES;

CREATE TABLE symbol_halts (
    symbol    text PRIMARY KEY,
    reason    text NOT NULL,
    details   text NOT NULL DEFAULT '',
    halted_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE assets (
    symbol             text PRIMARY KEY,
    name               text NOT NULL,
    asset_class        text NOT NULL,
    tradable           boolean NOT NULL,
    fractionable       boolean NOT NULL,
    min_order_size     numeric,
    quantity_increment numeric,
    price_increment    numeric,
    refreshed_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE market_days (
    day       date PRIMARY KEY,
    opens_at  timestamptz NOT NULL,
    closes_at timestamptz NOT NULL CHECK (closes_at > opens_at)
);

-- Requests to the broker that are left in this minute, for all functions together.
CREATE TABLE broker_budget (
    singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    tokens     double precision NOT NULL,
    updated_at timestamptz NOT NULL
);
INSERT INTO broker_budget (tokens, updated_at) VALUES (1e9, now());

CREATE TABLE corporate_actions (
    id           text PRIMARY KEY,
    symbol       text NOT NULL,
    kind         text NOT NULL,
    ratio        numeric CHECK (ratio > 0),
    new_symbol   text,
    effective_on date NOT NULL,
    seen_at      timestamptz NOT NULL DEFAULT now(),
    applied_at   timestamptz
);

-- Changes of the ledger that are not trades: splits, and fills the broker corrected afterwards.
CREATE TYPE adjustment_kind AS ENUM ('SPLIT', 'FILL_CORRECTION');
CREATE TABLE adjustments (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    session_id uuid REFERENCES sessions ON DELETE SET NULL,
    symbol     text NOT NULL,
    kind       adjustment_kind NOT NULL,
    quantity   numeric NOT NULL DEFAULT 0,
    cash       numeric NOT NULL DEFAULT 0,
    -- The corporate action or the block order; the same cause never counts twice.
    cause      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (user_id, session_id, symbol, kind, cause)
);
CREATE INDEX adjustments_of_user ON adjustments (user_id, symbol);

CREATE TABLE reconciliations (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    clean       boolean NOT NULL,
    report      jsonb NOT NULL
);

-- Who sees and does what.
DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['risk_limits', 'equity_marks', 'adjustments'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('CREATE POLICY own_rows ON %I TO stratforge_api USING (user_id = app_user_id()) '
                       'WITH CHECK (user_id = app_user_id())', tenant_table);
        EXECUTE format('CREATE POLICY all_rows ON %I TO stratforge_engine USING (true) WITH CHECK (true)', tenant_table);
    END LOOP;
END
$$;
GRANT SELECT ON risk_limits, equity_marks, platform_state, symbol_halts, assets, market_days, adjustments, corporate_actions
    TO stratforge_api, stratforge_engine;
GRANT SELECT, INSERT ON reconciliations, adjustments TO stratforge_engine;
GRANT INSERT, UPDATE ON equity_marks, assets, market_days, corporate_actions TO stratforge_engine;
GRANT SELECT, UPDATE ON broker_budget TO stratforge_engine;
GRANT UPDATE ON platform_state TO stratforge_engine;
GRANT INSERT, UPDATE, DELETE ON symbol_halts TO stratforge_engine;
-- A person places an order as a wish (PENDING, nothing filled, nothing reserved) and may ask for its end; what becomes
-- of it is the engine's.
GRANT INSERT (id, user_id, session_id, symbol, side, origin, type, time_in_force, size_kind, size, limit_price, stop_price,
              trail_percent, trail_price, replaces_order_id) ON orders TO stratforge_api;
CREATE POLICY placed_by_a_person ON orders AS RESTRICTIVE FOR INSERT TO stratforge_api
    WITH CHECK (origin IN ('MANUAL', 'FLATTEN'));
GRANT UPDATE (cancel_requested_at) ON orders TO stratforge_api;
GRANT INSERT (user_id, max_position, max_exposure, max_daily_loss, max_drawdown, max_orders_per_minute, cooldown_minutes, price_band),
      UPDATE (max_position, max_exposure, max_daily_loss, max_drawdown, max_orders_per_minute, cooldown_minutes, price_band,
              updated_at) ON risk_limits TO stratforge_api;
GRANT UPDATE (stop_loss, take_profit, trailing_stop, sizing_rule, sizing_value, settling) ON sessions TO stratforge_api;
GRANT UPDATE (trading_state) ON users TO stratforge_api;
