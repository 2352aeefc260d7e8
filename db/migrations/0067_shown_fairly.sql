-- What others see is what was shown: a link ends with its strategy and keeps the name of then; a session's standing is computed once for everybody, from
-- returns by day, and says whether a hand was in it.
ALTER TABLE shared_reports ADD COLUMN strategy_name text;
UPDATE shared_reports r SET strategy_name = s.name FROM backtests b JOIN strategies s ON s.id = b.strategy_id WHERE b.id = r.backtest_id;
ALTER TABLE shared_reports ALTER COLUMN strategy_name SET NOT NULL;
CREATE OR REPLACE FUNCTION shared_report(wanted text)
    RETURNS TABLE (backtest_id uuid, strategy_id uuid, strategy_version integer, symbol text, config jsonb, metrics jsonb, created_at timestamptz, report jsonb, strategy_name text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT b.id, b.strategy_id, b.strategy_version, b.symbol, b.config, b.metrics, b.created_at, b.report, r.strategy_name
    FROM shared_reports r JOIN backtests b ON b.id = r.backtest_id JOIN strategies s ON s.id = b.strategy_id
    WHERE r.token = wanted AND s.deleted_at IS NULL AND b.user_id = r.user_id $$;
CREATE FUNCTION unshare_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    DELETE FROM shared_reports r USING backtests b WHERE b.id = r.backtest_id AND b.strategy_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER deleted_strategies_show_nothing AFTER UPDATE OF deleted_at ON strategies
    FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION unshare_deleted();

-- When somebody last decided for the session: paused it, had it go on, gave it another size or other stops. A replay proves its signals, not that.
ALTER TABLE sessions ADD COLUMN interfered_at timestamptz;
CREATE FUNCTION session_interfered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.interfered_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER session_interfered BEFORE UPDATE OF status, sizing_rule, sizing_value, stop_loss, take_profit, trailing_stop ON sessions
    FOR EACH ROW WHEN (OLD.bars_evaluated > 0 AND ((OLD.status = 'RUNNING' AND NEW.status = 'PAUSED') OR (OLD.status = 'PAUSED' AND NEW.status = 'RUNNING')
        OR (NEW.sizing_rule, NEW.sizing_value, NEW.stop_loss, NEW.take_profit, NEW.trailing_stop)
            IS DISTINCT FROM (OLD.sizing_rule, OLD.sizing_value, OLD.stop_loss, OLD.take_profit, OLD.trailing_stop)))
    EXECUTE FUNCTION session_interfered();

-- How a session that is shown stands. Returns are of a day, as a fraction of what its positions cost on average; a day without a trade is one of zero.
CREATE TABLE session_standings (
    session_id  uuid PRIMARY KEY REFERENCES published_sessions ON DELETE CASCADE,
    user_id     uuid NOT NULL REFERENCES users,
    computed_at timestamptz NOT NULL,
    days        integer NOT NULL,
    trades      bigint NOT NULL,
    won         bigint NOT NULL,
    pnl         numeric NOT NULL,
    mean_return double precision,
    -- Of a day: the Sharpe ratio, with a deviation of a percent at least, and what it is with 95% confidence at least (Lo, 2002).
    sharpe      double precision,
    confident   double precision,
    by_hand     boolean NOT NULL,
    of_sessions bigint NOT NULL
);
ALTER TABLE session_standings ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON session_standings TO stratforge_engine USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON session_standings TO stratforge_api USING (user_id = app_user_id());
GRANT SELECT ON session_standings TO stratforge_engine, stratforge_api;

-- Computes how sessions that are shown stand: what they made of each position that they closed and, as if it were closed now, of the one that they hold.
-- `of_sessions`: how many of its owner's sessions have traded, shown or not.
CREATE FUNCTION compute_standings(wanted uuid[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    WITH closed AS (
        SELECT t.session_id, date_trunc('minute', max(t.executed_at)) AS at, sum(t.realized_pnl) AS pnl, sum(t.quantity * t.price - t.realized_pnl) AS cost
        FROM trades t WHERE t.session_id = ANY(wanted) AND t.side = 'sell' GROUP BY t.session_id, t.order_id
        UNION ALL
        SELECT h.session_id, date_trunc('minute', now()), h.quantity * coalesce(l.price, h.avg_entry_price) - h.cost_basis, h.cost_basis
        FROM positions h LEFT JOIN latest_prices l ON l.symbol = h.symbol WHERE h.session_id = ANY(wanted) AND h.quantity > 0),
    summed AS (
        SELECT session_id, count(*) AS trades, count(*) FILTER (WHERE pnl > 0) AS won, sum(pnl) AS pnl, avg(pnl / cost)::float8 AS mean_return, avg(cost)::float8 AS cost
        FROM closed WHERE cost > 0 GROUP BY session_id),
    minutes AS (SELECT session_id, at, sum(pnl)::float8 AS pnl FROM closed WHERE cost > 0 GROUP BY session_id, at),
    daily AS (
        SELECT m.session_id, sum(m.pnl) / max(s.cost) AS made FROM minutes m JOIN summed s USING (session_id)
        GROUP BY m.session_id, (market_at(m.at) AT TIME ZONE 'America/New_York')::date),
    added AS (SELECT session_id, sum(made) AS made, sum(made * made) AS squares FROM daily GROUP BY session_id),
    spans AS (
        SELECT p.session_id, p.user_id, s.ended_at, s.interfered_at, (SELECT count(*) FROM generate_series((market_at(s.started_at) AT TIME ZONE 'America/New_York')::date,
            (market_at(now()) AT TIME ZONE 'America/New_York')::date, interval '1 day') d WHERE s.symbol LIKE '%/%' OR extract(isodow FROM d) < 6)::integer AS days
        FROM published_sessions p JOIN sessions s ON s.id = p.session_id WHERE p.session_id = ANY(wanted)),
    ratios AS (
        SELECT s.*, a.made / s.days / greatest(0.01, sqrt(greatest(0, (a.squares - a.made * a.made / s.days) / greatest(1, s.days - 1)))) AS sharpe
        FROM spans s LEFT JOIN added a USING (session_id))
    INSERT INTO session_standings
    SELECT r.session_id, r.user_id, now(), r.days, coalesce(m.trades, 0), coalesce(m.won, 0), coalesce(m.pnl, 0), m.mean_return, r.sharpe,
           r.sharpe - 1.645 * sqrt((1 + r.sharpe * r.sharpe / 2) / greatest(1, r.days)),
           r.interfered_at IS NOT NULL OR EXISTS (SELECT FROM orders o WHERE o.session_id = r.session_id AND o.filled_quantity > 0
               AND (o.origin = 'MANUAL' OR (o.origin = 'FLATTEN' AND (r.ended_at IS NULL OR o.created_at < r.ended_at)))),
           (SELECT count(*) FROM sessions a WHERE a.user_id = r.user_id AND EXISTS (SELECT FROM trades t WHERE t.session_id = a.id))
    FROM ratios r LEFT JOIN summed m USING (session_id)
    ON CONFLICT (session_id) DO UPDATE SET computed_at = excluded.computed_at, days = excluded.days, trades = excluded.trades, won = excluded.won, pnl = excluded.pnl,
        mean_return = excluded.mean_return, sharpe = excluded.sharpe, confident = excluded.confident, by_hand = excluded.by_hand, of_sessions = excluded.of_sessions $$;

-- The sessions that are shown, ranked before any limit; nobody's others hide them. Verified is one whose signals came out the same when all its bars but
-- those of the last day were evaluated again, and that no hand was in. Of each owner the best is ranked.
DROP FUNCTION leaderboard;
CREATE FUNCTION leaderboard(least_trades integer, least_days integer) RETURNS TABLE (session_id uuid, name text, own boolean, symbol text, status text, began_at timestamptz,
        bars bigint, verified boolean, by_hand boolean, days integer, trades bigint, won bigint, pnl numeric, mean_return double precision, sharpe double precision, score double precision,
        best_of_owner boolean, of_sessions bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    WITH judged AS (
        SELECT p.session_id, p.user_id, p.name, p.published_at, s.symbol, s.status, s.started_at, s.bars_evaluated, t.by_hand, t.days, t.trades, t.won, t.pnl, t.mean_return,
               t.sharpe, t.confident, t.of_sessions,
               s.replayed_at IS NOT NULL AND s.replay_differences = '[]' AND s.replayed_bars >= s.bars_evaluated - 390 AND NOT coalesce(t.by_hand, true) AS verified
        FROM published_sessions p JOIN sessions s ON s.id = p.session_id LEFT JOIN session_standings t ON t.session_id = p.session_id),
    fit AS (SELECT j.*, coalesce(j.verified AND j.trades >= least_trades AND j.days >= least_days AND j.confident IS NOT NULL, false) AS fit FROM judged j),
    placed AS (
        SELECT f.*, row_number() OVER (PARTITION BY f.user_id ORDER BY f.fit DESC, f.confident DESC NULLS LAST, f.session_id) AS of_owner,
               row_number() OVER (ORDER BY f.fit DESC, f.confident DESC NULLS LAST, f.published_at, f.session_id) AS place FROM fit f)
    SELECT p.session_id, p.name, p.user_id IS NOT DISTINCT FROM app_user_id(), p.symbol, p.status::text, market_at(p.started_at), p.bars_evaluated::bigint, p.verified,
           coalesce(p.by_hand, false), coalesce(p.days, 0), coalesce(p.trades, 0), coalesce(p.won, 0), coalesce(p.pnl, 0), p.mean_return, p.sharpe * sqrt(252), p.confident * sqrt(252),
           p.of_owner = 1, coalesce(p.of_sessions, 0)
    FROM placed p WHERE p.place <= 300 OR p.user_id IS NOT DISTINCT FROM app_user_id() ORDER BY p.place $$;

-- Whether nobody else is shown under a name, however it is spelled; who asks at the same time waits.
ALTER TABLE published_sessions ADD COLUMN name_key text;
UPDATE published_sessions SET name_key = lower(name);
ALTER TABLE published_sessions ALTER COLUMN name_key SET NOT NULL;
CREATE INDEX published_names ON published_sessions (name_key);
CREATE FUNCTION name_is_free(wanted text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('shown name'), hashtext(wanted));
    RETURN NOT EXISTS (SELECT FROM published_sessions WHERE name_key = wanted AND user_id <> app_user_id());
END $$;
REVOKE EXECUTE ON FUNCTION unshare_deleted, compute_standings, leaderboard, name_is_free FROM public;
GRANT EXECUTE ON FUNCTION leaderboard, name_is_free, compute_standings TO stratforge_api;
GRANT EXECUTE ON FUNCTION compute_standings TO stratforge_engine;
