-- The engine's role works for everybody; the API's role sees the rows of the user in app.user_id, and nothing when
-- none is set.
DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['refresh_tokens', 'strategies', 'strategy_versions', 'sessions', 'signals', 'orders',
                                        'trades', 'positions', 'equity_snapshots', 'jobs', 'backtests'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('CREATE POLICY own_rows ON %I TO stratforge_api USING (user_id = app_user_id()) '
                       'WITH CHECK (user_id = app_user_id())', tenant_table);
        EXECUTE format('CREATE POLICY all_rows ON %I TO stratforge_engine USING (true) WITH CHECK (true)', tenant_table);
    END LOOP;
END
$$;
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON users TO stratforge_api USING (id = app_user_id()) WITH CHECK (id = app_user_id());
CREATE POLICY all_rows ON users TO stratforge_engine USING (true) WITH CHECK (true);

-- The engine: everything it does, and no more (it never deletes).
GRANT SELECT ON ALL TABLES IN SCHEMA public TO stratforge_engine;
GRANT UPDATE ON users, sessions, signals, orders, block_orders, positions, market_data, latest_prices, jobs TO stratforge_engine;
GRANT INSERT ON signals, orders, block_orders, fills, trades, positions, market_data, latest_prices, equity_snapshots,
    backtests, strategies, strategy_versions TO stratforge_engine;


-- The API: reads its user's rows, writes what a person may change. The ledger (orders, trades, positions, balances) it
-- only reads.
GRANT SELECT ON users, strategies, strategy_versions, sessions, signals, orders, trades, positions, equity_snapshots, jobs,
    backtests, market_data, latest_prices, refresh_tokens TO stratforge_api;
GRANT INSERT ON strategies, strategy_versions, sessions, jobs, refresh_tokens TO stratforge_api;
GRANT UPDATE (name, symbol, version, python_code, logic_explanation, updated_at, deleted_at) ON strategies TO stratforge_api;
GRANT UPDATE (status, ended_at, final_pnl, started_at) ON sessions TO stratforge_api;
GRANT UPDATE (status, finished_at) ON jobs TO stratforge_api;
GRANT UPDATE (spent_at) ON refresh_tokens TO stratforge_api;
GRANT UPDATE (password_hash) ON users TO stratforge_api;

-- Before anybody is logged in there is no user to see rows as; these three functions are the only doors.
CREATE FUNCTION register_user(new_email text, new_password_hash text, starting_balance numeric) RETURNS uuid
    LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$
    INSERT INTO users (email, password_hash, virtual_balance, initial_balance)
    VALUES (lower(new_email), new_password_hash, starting_balance, starting_balance)
    ON CONFLICT (email) DO NOTHING
    RETURNING id
$$;
CREATE FUNCTION find_credentials(login_email text) RETURNS TABLE (user_id uuid, password_hash text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT id, users.password_hash FROM users WHERE email = lower(login_email) $$;
CREATE FUNCTION find_refresh_token(hash bytea)
    RETURNS TABLE (user_id uuid, family_id uuid, expires_at timestamptz, spent_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT t.user_id, t.family_id, t.expires_at, t.spent_at FROM refresh_tokens t WHERE token_hash = hash $$;
REVOKE EXECUTE ON FUNCTION register_user, find_credentials, find_refresh_token, ensure_market_data_month FROM public;
GRANT EXECUTE ON FUNCTION register_user, find_credentials, find_refresh_token TO stratforge_api;
GRANT EXECUTE ON FUNCTION ensure_market_data_month TO stratforge_engine;
