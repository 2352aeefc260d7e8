-- What happens to a user's things, in the order it was committed: live updates and webhooks are fed from here, and nothing is missed.
-- A number that is drawn earlier may be committed later, so a reader goes by the transaction, and only as far as all before it have ended.
CREATE TABLE events (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tx         bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    -- NULL: for everybody.
    user_id    uuid REFERENCES users ON DELETE CASCADE,
    kind       text NOT NULL,
    data       jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX events_of_user ON events (user_id, tx, id);
CREATE INDEX events_in_order ON events (tx, id);
CREATE INDEX events_age ON events (created_at);

-- Events of transactions below this are complete.
CREATE FUNCTION events_horizon() RETURNS bigint
    LANGUAGE sql STABLE AS $$ SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint $$;

CREATE FUNCTION note_orders() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'order', jsonb_build_object('order_id', n.id, 'symbol', n.symbol, 'side', n.side, 'type', n.type, 'origin', n.origin,
        'session_id', n.session_id, 'status', n.status, 'reason', n.reason, 'quantity', n.quantity::text, 'filled_quantity', n.filled_quantity::text)
    FROM new_rows n ORDER BY n.created_at, n.id;
    RETURN NULL;
END $$;
CREATE FUNCTION note_changed_orders() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'order', jsonb_build_object('order_id', n.id, 'symbol', n.symbol, 'side', n.side, 'type', n.type, 'origin', n.origin,
        'session_id', n.session_id, 'status', n.status, 'reason', n.reason, 'quantity', n.quantity::text, 'filled_quantity', n.filled_quantity::text)
    FROM new_rows n JOIN old_rows o ON o.id = n.id
    WHERE (n.status, n.filled_quantity) IS DISTINCT FROM (o.status, o.filled_quantity) ORDER BY n.created_at, n.id;
    RETURN NULL;
END $$;
CREATE FUNCTION note_trades() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'trade', jsonb_build_object('trade_id', n.id, 'order_id', n.order_id, 'symbol', n.symbol, 'side', n.side,
        'session_id', n.session_id, 'quantity', n.quantity::text, 'price', n.price::text, 'realized_pnl', n.realized_pnl::text,
        'executed_at', n.executed_at)
    FROM new_rows n ORDER BY n.id;
    RETURN NULL;
END $$;
CREATE FUNCTION note_signals() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'signal', jsonb_build_object('signal_id', n.id, 'session_id', n.session_id, 'symbol', n.symbol, 'side', n.side,
        'bar_time', n.bar_time, 'status', n.status, 'reason', n.reason)
    FROM new_rows n ORDER BY n.id;
    RETURN NULL;
END $$;
CREATE FUNCTION note_changed_signals() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'signal', jsonb_build_object('signal_id', n.id, 'session_id', n.session_id, 'symbol', n.symbol, 'side', n.side,
        'bar_time', n.bar_time, 'status', n.status, 'reason', n.reason)
    FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE n.status IS DISTINCT FROM o.status ORDER BY n.id;
    RETURN NULL;
END $$;
CREATE FUNCTION note_changed_sessions() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'session', jsonb_build_object('session_id', n.id, 'strategy_id', n.strategy_id, 'symbol', n.symbol, 'status', n.status,
        'failure_reason', n.failure_reason, 'final_pnl', n.final_pnl::text)
    FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE n.status IS DISTINCT FROM o.status ORDER BY n.id;
    RETURN NULL;
END $$;
CREATE FUNCTION note_changed_jobs() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'job', jsonb_build_object('job_id', n.id, 'kind', n.kind, 'status', n.status, 'progress', n.progress)
    FROM new_rows n JOIN old_rows o ON o.id = n.id
    WHERE (n.status, n.progress) IS DISTINCT FROM (o.status, o.progress) ORDER BY n.id;
    RETURN NULL;
END $$;
CREATE FUNCTION note_halts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (kind, data)
    SELECT 'halt', jsonb_build_object('symbol', symbol, 'halted', TG_OP = 'INSERT', 'reason', reason) FROM changed_rows;
    RETURN NULL;
END $$;
CREATE FUNCTION note_platform() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (kind, data) SELECT 'platform', jsonb_build_object('trading_state', trading_state, 'reason', reason) FROM changed_rows;
    RETURN NULL;
END $$;
-- Says once in each transaction that there is something new.
CREATE FUNCTION announce_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY events;
    RETURN NULL;
END $$;

CREATE TRIGGER orders_placed AFTER INSERT ON orders REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_orders();
CREATE TRIGGER orders_changed AFTER UPDATE ON orders REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_orders();
CREATE TRIGGER trades_made AFTER INSERT ON trades REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_trades();
CREATE TRIGGER signals_given AFTER INSERT ON signals REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_signals();
CREATE TRIGGER signals_changed AFTER UPDATE ON signals REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_signals();
CREATE TRIGGER sessions_changed AFTER UPDATE ON sessions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_sessions();
CREATE TRIGGER jobs_changed AFTER UPDATE ON jobs REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION note_changed_jobs();
CREATE TRIGGER symbols_halted AFTER INSERT ON symbol_halts REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION note_halts();
CREATE TRIGGER symbols_resumed AFTER DELETE ON symbol_halts REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION note_halts();
CREATE TRIGGER platform_changed AFTER UPDATE ON platform_state REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION note_platform();
CREATE TRIGGER events_noted AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION announce_events();

-- Open live connections and how far each has been told.
CREATE TABLE live_connections (
    connection_id text PRIMARY KEY,
    user_id       uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    symbols       text[] NOT NULL DEFAULT '{}',
    cursor_tx     bigint NOT NULL,
    cursor_id     bigint NOT NULL,
    prices_at     timestamptz NOT NULL DEFAULT 'epoch',
    connected_at  timestamptz NOT NULL DEFAULT now()
);

-- Where a user wants to be told of events.
CREATE TABLE webhooks (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    url             text NOT NULL CHECK (length(url) <= 2000),
    kinds           text[] NOT NULL,
    secret          text NOT NULL,
    -- After a rotation both sign until this one's time is over.
    old_secret      text,
    old_secret_ends timestamptz,
    cursor_tx       bigint NOT NULL DEFAULT pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
    cursor_id       bigint NOT NULL DEFAULT 0,
    failures        integer NOT NULL DEFAULT 0,
    disabled_at     timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhooks_of_user ON webhooks (user_id, created_at DESC, id);
CREATE TABLE webhook_deliveries (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id      uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    event_id        bigint NOT NULL,
    kind            text NOT NULL,
    data            jsonb NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz DEFAULT now(),
    delivered_at    timestamptz,
    last_status     integer,
    last_error      text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (webhook_id, event_id)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_of_webhook ON webhook_deliveries (webhook_id, id DESC);

ALTER TABLE events ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON events TO stratforge_api USING (user_id = app_user_id() OR user_id IS NULL) WITH CHECK (false);
CREATE POLICY all_rows ON events TO stratforge_engine USING (true) WITH CHECK (true);
DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['live_connections', 'webhooks', 'webhook_deliveries'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('CREATE POLICY own_rows ON %I TO stratforge_api USING (user_id = app_user_id()) '
                       'WITH CHECK (user_id = app_user_id())', tenant_table);
        EXECUTE format('CREATE POLICY all_rows ON %I TO stratforge_engine USING (true) WITH CHECK (true)', tenant_table);
    END LOOP;
END
$$;
GRANT SELECT ON events TO stratforge_api;
GRANT SELECT, DELETE ON events TO stratforge_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON live_connections TO stratforge_engine;
GRANT SELECT, UPDATE ON webhooks TO stratforge_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO stratforge_engine;
GRANT SELECT, INSERT, DELETE ON webhooks TO stratforge_api;
GRANT UPDATE (url, kinds, secret, old_secret, old_secret_ends, failures, disabled_at) ON webhooks TO stratforge_api;
GRANT SELECT ON webhook_deliveries TO stratforge_api;
