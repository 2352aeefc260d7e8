CREATE TYPE trading_state AS ENUM ('ACTIVE', 'REDUCING', 'HALTED');

CREATE TABLE users (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email           text NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    password_hash   text NOT NULL,
    -- Cash that is free to spend; what open buy orders hold back is in reserved_cash.
    virtual_balance numeric NOT NULL CHECK (virtual_balance >= 0),
    reserved_cash   numeric NOT NULL DEFAULT 0 CHECK (reserved_cash >= 0),
    initial_balance numeric NOT NULL CHECK (initial_balance >= 0),
    trading_state   trading_state NOT NULL DEFAULT 'ACTIVE',
    created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE refresh_tokens (
    token_hash  bytea PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    -- Tokens that were rotated from one login; reuse of a spent one revokes the whole family.
    family_id   uuid NOT NULL,
    expires_at  timestamptz NOT NULL,
    spent_at    timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id);

CREATE TABLE strategies (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id           uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name              text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    symbol            text NOT NULL,
    version           integer NOT NULL DEFAULT 1,
    python_code       text NOT NULL,
    logic_explanation text NOT NULL DEFAULT '',
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    deleted_at        timestamptz
);
CREATE INDEX strategies_of_user ON strategies (user_id, created_at DESC, id);

CREATE TABLE strategy_versions (
    strategy_id       uuid NOT NULL REFERENCES strategies ON DELETE CASCADE,
    version           integer NOT NULL,
    user_id           uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    python_code       text NOT NULL,
    source_hash       text NOT NULL CHECK (length(source_hash) = 64),
    lookback          integer NOT NULL CHECK (lookback > 0),
    parameters        jsonb NOT NULL DEFAULT '{}',
    logic_explanation text NOT NULL DEFAULT '',
    -- Where the version came from: what was asked, and the model that wrote it (NULL for code written by hand).
    prompt            text,
    model             text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (strategy_id, version)
);

CREATE TYPE session_mode AS ENUM ('BACKTEST', 'PAPER', 'MANUAL');
CREATE TYPE session_status AS ENUM ('PENDING', 'RUNNING', 'PAUSED', 'STOPPED', 'FAILED', 'COMPLETED');
CREATE TYPE sizing_rule AS ENUM ('FIXED_CASH', 'EQUITY_FRACTION', 'FIXED_QUANTITY');

CREATE TABLE sessions (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id              uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    strategy_id          uuid NOT NULL,
    strategy_version     integer NOT NULL,
    symbol               text NOT NULL,
    shard                integer NOT NULL DEFAULT 0,
    mode                 session_mode NOT NULL DEFAULT 'PAPER',
    status               session_status NOT NULL DEFAULT 'PENDING',
    sizing_rule          sizing_rule NOT NULL DEFAULT 'EQUITY_FRACTION',
    sizing_value         numeric NOT NULL DEFAULT 0.1 CHECK (sizing_value > 0),
    -- What on_bar keeps between bars, and the last bar it saw: a bar is never evaluated twice.
    state                jsonb NOT NULL DEFAULT '{}',
    first_bar_time       timestamptz,
    last_bar_time        timestamptz,
    bars_evaluated       bigint NOT NULL DEFAULT 0,
    bars_held            integer NOT NULL DEFAULT 0,
    consecutive_failures integer NOT NULL DEFAULT 0,
    failure_reason       text,
    started_at           timestamptz NOT NULL DEFAULT now(),
    ended_at             timestamptz,
    final_pnl            numeric,
    FOREIGN KEY (strategy_id, strategy_version) REFERENCES strategy_versions
);
CREATE INDEX sessions_of_user ON sessions (user_id, started_at DESC, id);
CREATE INDEX sessions_running ON sessions (symbol, shard) WHERE status = 'RUNNING';
