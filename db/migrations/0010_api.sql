-- What the public API needs: keys for scripts, limits that hold across functions, safe repetition, operators, closing an account.

ALTER TABLE users
    ADD COLUMN is_operator boolean NOT NULL DEFAULT false,
    ADD COLUMN closed_at   timestamptz;
GRANT SELECT (is_operator, closed_at) ON users TO stratforge_api;

CREATE TABLE api_keys (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- The key itself is never kept: what is presented is hashed and compared.
    key_hash     bytea NOT NULL UNIQUE,
    hint         text NOT NULL,
    scopes       text[] NOT NULL CHECK (scopes <@ ARRAY['read', 'trade', 'write', 'ai']),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    last_used_on date,
    revoked_at   timestamptz
);
CREATE INDEX api_keys_of_user ON api_keys (user_id, created_at DESC, id);

-- A creating request with an Idempotency-Key makes one thing, whose id follows from the key.
CREATE TABLE idempotency_keys (
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    request_hash bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- Token buckets by name, for all environments of a function together.
CREATE TABLE rate_limits (
    bucket     text PRIMARY KEY,
    tokens     double precision NOT NULL,
    updated_at timestamptz NOT NULL
);

-- Signed requests of trusted workers, each accepted once.
CREATE TABLE internal_requests (
    nonce       text PRIMARY KEY CHECK (length(nonce) BETWEEN 16 AND 100),
    received_at timestamptz NOT NULL DEFAULT now()
);

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['api_keys', 'idempotency_keys'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('CREATE POLICY own_rows ON %I TO stratforge_api USING (user_id = app_user_id()) '
                       'WITH CHECK (user_id = app_user_id())', tenant_table);
        EXECUTE format('CREATE POLICY all_rows ON %I TO stratforge_engine USING (true) WITH CHECK (true)', tenant_table);
    END LOOP;
END
$$;
GRANT SELECT, INSERT ON api_keys, idempotency_keys TO stratforge_api;
GRANT UPDATE (revoked_at) ON api_keys TO stratforge_api;
GRANT SELECT, DELETE ON idempotency_keys, internal_requests, rate_limits TO stratforge_engine;
GRANT INSERT (id) ON strategies, sessions, jobs TO stratforge_api;
GRANT UPDATE (status, ended_at, final_pnl, started_at, settling) ON sessions TO stratforge_api;
CREATE INDEX strategies_page ON strategies (user_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;

-- Takes a token from a bucket that holds `capacity` and refills by `per_second`; false when it is empty.
CREATE FUNCTION take_token(name text, capacity double precision, per_second double precision) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$
    WITH taken AS (
        INSERT INTO rate_limits AS r (bucket, tokens, updated_at) VALUES (name, capacity - 1, clock_timestamp())
        ON CONFLICT (bucket) DO UPDATE SET
            tokens = least(capacity, r.tokens + extract(epoch FROM clock_timestamp() - r.updated_at) * per_second) - 1,
            updated_at = clock_timestamp()
        WHERE least(capacity, r.tokens + extract(epoch FROM clock_timestamp() - r.updated_at) * per_second) >= 1
        RETURNING 1)
    SELECT EXISTS (SELECT FROM taken)
$$;
-- Looks at a bucket without taking anything.
CREATE FUNCTION has_token(name text, capacity double precision, per_second double precision) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$
    SELECT coalesce((SELECT least(capacity, tokens + extract(epoch FROM clock_timestamp() - updated_at) * per_second) >= 1
                     FROM rate_limits WHERE bucket = name), true)
$$;
CREATE FUNCTION find_api_key(hash bytea) RETURNS TABLE (user_id uuid, scopes text[])
    LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$
    WITH found AS (
        SELECT k.id, k.user_id, k.scopes, k.last_used_on FROM api_keys k JOIN users u ON u.id = k.user_id
        WHERE k.key_hash = hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND u.closed_at IS NULL),
    used AS (UPDATE api_keys k SET last_used_on = current_date FROM found f WHERE k.id = f.id AND f.last_used_on IS DISTINCT FROM current_date)
    SELECT f.user_id, f.scopes FROM found f
$$;
CREATE FUNCTION accept_internal_request(request_nonce text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$
    WITH old AS (DELETE FROM internal_requests WHERE received_at < now() - interval '1 hour'),
    accepted AS (INSERT INTO internal_requests (nonce) VALUES (request_nonce) ON CONFLICT DO NOTHING RETURNING 1)
    SELECT EXISTS (SELECT FROM accepted)
$$;

-- Closing an account: it can never be entered again and its address is free; what it traded stays, without a name, so that the
-- ledger still adds up. What it holds has been ordered to be sold.
CREATE OR REPLACE FUNCTION find_credentials(login_email text) RETURNS TABLE (user_id uuid, password_hash text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT id, users.password_hash FROM users WHERE email = lower(login_email) AND closed_at IS NULL $$;
CREATE FUNCTION close_account() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
DECLARE
    me uuid := app_user_id();
BEGIN
    UPDATE users SET closed_at = now(), email = 'closed-' || id || '@closed.invalid', password_hash = '!' WHERE id = me AND closed_at IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE refresh_tokens SET spent_at = now() WHERE user_id = me AND spent_at IS NULL;
    UPDATE api_keys SET revoked_at = now() WHERE user_id = me AND revoked_at IS NULL;
    UPDATE orders SET cancel_requested_at = coalesce(cancel_requested_at, now())
    WHERE user_id = me AND status IN ('PENDING', 'RESTING', 'WORKING');
    UPDATE sessions SET status = 'STOPPED', ended_at = now(), settling = true WHERE user_id = me AND status IN ('PENDING', 'RUNNING', 'PAUSED');
    INSERT INTO orders (user_id, session_id, symbol, side, origin, type, time_in_force, size_kind, size)
    SELECT user_id, session_id, symbol, 'sell', 'FLATTEN', 'market', 'gtc', 'fraction', 1 FROM positions
    WHERE user_id = me AND quantity > 0;
    RETURN true;
END
$$;

-- Operators: only they see and steer the platform; the functions look who asks.
CREATE FUNCTION is_operator() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT coalesce((SELECT u.is_operator FROM users u WHERE u.id = app_user_id() AND u.closed_at IS NULL), false) $$;
CREATE FUNCTION operator_set_state(state trading_state, why text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$
    WITH changed AS (
        UPDATE platform_state SET trading_state = state, reason = why, changed_at = now() WHERE is_operator() RETURNING 1)
    SELECT EXISTS (SELECT FROM changed)
$$;
CREATE FUNCTION operator_halt_symbol(halted text, why text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$
    WITH changed AS (
        INSERT INTO symbol_halts (symbol, reason, details) SELECT halted, 'OPERATOR', why WHERE is_operator()
        ON CONFLICT (symbol) DO UPDATE SET details = excluded.details RETURNING 1)
    SELECT EXISTS (SELECT FROM changed)
$$;
CREATE FUNCTION operator_resume_symbol(resumed text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$
    WITH changed AS (DELETE FROM symbol_halts WHERE symbol = resumed AND is_operator() RETURNING 1)
    SELECT EXISTS (SELECT FROM changed)
$$;
CREATE FUNCTION operator_reports(how_many integer) RETURNS TABLE (id bigint, started_at timestamptz, finished_at timestamptz, clean boolean, report jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$
    SELECT r.id, r.started_at, r.finished_at, r.clean, r.report FROM reconciliations r
    WHERE is_operator() ORDER BY r.id DESC LIMIT least(how_many, 200)
$$;
REVOKE EXECUTE ON FUNCTION take_token, has_token, find_api_key, accept_internal_request, close_account, is_operator, operator_set_state,
    operator_halt_symbol, operator_resume_symbol, operator_reports FROM public;
GRANT EXECUTE ON FUNCTION take_token, has_token, find_api_key, accept_internal_request, close_account, is_operator, operator_set_state,
    operator_halt_symbol, operator_resume_symbol, operator_reports TO stratforge_api;
