-- What is put aside, and what a person shows to others: a report behind a link that nobody can guess, a session on the leaderboard.
ALTER TABLE strategies ADD COLUMN archived_at timestamptz;
GRANT UPDATE (archived_at) ON strategies TO stratforge_api;

CREATE TABLE shared_reports (
    token       text PRIMARY KEY CHECK (token ~ '^[A-Za-z0-9_-]{32,64}$'),
    backtest_id uuid NOT NULL UNIQUE REFERENCES backtests ON DELETE CASCADE,
    user_id     uuid NOT NULL REFERENCES users,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE published_sessions (
    session_id   uuid PRIMARY KEY REFERENCES sessions,
    user_id      uuid NOT NULL REFERENCES users,
    name         text NOT NULL CHECK (length(name) BETWEEN 2 AND 40),
    published_at timestamptz NOT NULL DEFAULT now()
);
-- The symbols whose prices a person wants to see at home.
CREATE TABLE watched_symbols (
    user_id  uuid NOT NULL REFERENCES users,
    symbol   text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, symbol)
);
ALTER TABLE watched_symbols ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON watched_symbols TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
CREATE POLICY all_rows ON watched_symbols TO stratforge_engine USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON watched_symbols TO stratforge_api;
GRANT SELECT ON watched_symbols TO stratforge_engine;
ALTER TABLE shared_reports ENABLE ROW LEVEL SECURITY;
ALTER TABLE published_sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON shared_reports TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
CREATE POLICY own_rows ON published_sessions TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
CREATE POLICY all_rows ON shared_reports TO stratforge_engine USING (true) WITH CHECK (true);
CREATE POLICY all_rows ON published_sessions TO stratforge_engine USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON shared_reports, published_sessions TO stratforge_api;
GRANT SELECT ON shared_reports, published_sessions TO stratforge_engine;

-- Who closes an account shows nothing any more, at once.
CREATE FUNCTION withdraw_what_is_shown() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    DELETE FROM shared_reports WHERE user_id = NEW.id;
    DELETE FROM published_sessions WHERE user_id = NEW.id;
    DELETE FROM watched_symbols WHERE user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER closed_accounts_show_nothing AFTER UPDATE OF closed_at ON users
    FOR EACH ROW WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL) EXECUTE FUNCTION withdraw_what_is_shown();

-- The report behind a link, for whoever has it: no code, and nothing of its owner.
CREATE FUNCTION shared_report(wanted text)
    RETURNS TABLE (backtest_id uuid, strategy_id uuid, strategy_version integer, symbol text, config jsonb, metrics jsonb, created_at timestamptz, report jsonb, strategy_name text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT b.id, b.strategy_id, b.strategy_version, b.symbol, b.config, b.metrics, b.created_at, b.report, s.name
    FROM shared_reports r JOIN backtests b ON b.id = r.backtest_id JOIN strategies s ON s.id = b.strategy_id WHERE r.token = wanted $$;

-- The sessions that are shown, with what they made of each position that they closed and, as if it were closed now, of the one that they hold: who sells
-- winners only and sits on losers has the losers in his figures. Verified is a session whose signals came out the same when all its bars but those of the
-- last day were evaluated again, and that nobody traded in by hand. `of_sessions`: how many of its owner's sessions have traded, shown or not.
CREATE FUNCTION leaderboard() RETURNS TABLE (session_id uuid, name text, own boolean, symbol text, status text, began_at timestamptz, bars bigint,
        verified boolean, trades bigint, won bigint, pnl numeric, mean_return double precision, deviation double precision, of_sessions bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    WITH ended AS (
        SELECT t.session_id, sum(t.realized_pnl) AS pnl, sum(t.quantity * t.price - t.realized_pnl) AS cost
        FROM trades t JOIN published_sessions p ON p.session_id = t.session_id WHERE t.side = 'sell' GROUP BY t.session_id, t.order_id
        UNION ALL
        SELECT h.session_id, h.quantity * coalesce(l.price, h.avg_entry_price) - h.cost_basis, h.cost_basis
        FROM positions h JOIN published_sessions p ON p.session_id = h.session_id LEFT JOIN latest_prices l ON l.symbol = h.symbol
        WHERE h.quantity > 0),
    summed AS (
        SELECT e.session_id, count(*) AS trades, count(*) FILTER (WHERE e.pnl > 0) AS won, sum(e.pnl) AS pnl,
               avg(e.pnl / e.cost)::float8 AS mean_return, stddev_samp(e.pnl / e.cost)::float8 AS deviation
        FROM ended e WHERE e.cost > 0 GROUP BY e.session_id)
    SELECT s.id, p.name, p.user_id IS NOT DISTINCT FROM app_user_id(), s.symbol, s.status::text, market_at(s.started_at), s.bars_evaluated::bigint,
           s.replayed_at IS NOT NULL AND s.replay_differences = '[]' AND s.replayed_bars >= s.bars_evaluated - 390
               AND NOT EXISTS (SELECT FROM orders o WHERE o.session_id = s.id AND o.origin = 'MANUAL' AND o.filled_quantity > 0),
           coalesce(m.trades, 0), coalesce(m.won, 0), coalesce(m.pnl, 0), m.mean_return, m.deviation,
           (SELECT count(*) FROM sessions a WHERE a.user_id = p.user_id AND EXISTS (SELECT FROM trades t WHERE t.session_id = a.id))
    FROM published_sessions p JOIN sessions s ON s.id = p.session_id LEFT JOIN summed m ON m.session_id = s.id
    ORDER BY p.published_at LIMIT 500 $$;
REVOKE EXECUTE ON FUNCTION shared_report, leaderboard, withdraw_what_is_shown FROM public;
GRANT EXECUTE ON FUNCTION shared_report, leaderboard TO stratforge_api;
