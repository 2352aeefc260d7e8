-- Erases closed accounts that hold and owe nothing that can be traded (what was refused is above zero, what is owed below), have no open order and no work under way, `how_many` at most; returns how many. Each is erased wholly
-- or not at all. `after`: how long after the closing; whatever was under way then has ended, and its sockets are closed.
CREATE OR REPLACE FUNCTION erase_closed_accounts(after interval, how_many integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
DECLARE
    gone uuid;
    erased integer := 0;
BEGIN
    -- Buckets are hashes of addresses, which can be guessed: they are forgotten when they say nothing any more.
    DELETE FROM login_attempts WHERE last_at < now() - interval '1 day' AND blocked_until < now();
    DELETE FROM rate_limits WHERE updated_at < now() - interval '1 day';
    FOR gone IN
        SELECT u.id FROM users u WHERE u.closed_at < now() - after AND u.erased_at IS NULL
          AND NOT EXISTS (SELECT FROM positions p WHERE p.user_id = u.id AND p.quantity <> 0 AND NOT EXISTS (
            SELECT FROM orders x WHERE x.user_id = p.user_id AND x.session_id IS NOT DISTINCT FROM p.session_id AND x.symbol = p.symbol
              AND x.origin = 'FLATTEN' AND x.status = 'REJECTED' AND x.reason IN ('BELOW_MINIMUM', 'WHOLE_UNITS_ONLY') AND x.size_kind = 'quantity' AND x.size = abs(p.quantity)))
          AND NOT EXISTS (SELECT FROM orders o WHERE o.user_id = u.id AND o.status IN ('PENDING', 'RESTING', 'WORKING'))
          AND NOT EXISTS (SELECT FROM sessions s WHERE s.user_id = u.id AND (s.settling OR s.status IN ('PENDING', 'RUNNING', 'PAUSED')))
          AND NOT EXISTS (SELECT FROM jobs j WHERE j.user_id = u.id AND j.finished_at IS NULL AND j.created_at > now() - interval '1 day')
        ORDER BY u.closed_at LIMIT how_many FOR UPDATE SKIP LOCKED
    LOOP
        -- What nothing stands on goes, row by row.
        DELETE FROM webhooks WHERE user_id = gone;
        DELETE FROM backtests WHERE user_id = gone;
        DELETE FROM jobs WHERE user_id = gone;
        DELETE FROM events WHERE user_id = gone;
        DELETE FROM live_connections WHERE user_id = gone;
        DELETE FROM realtime_tickets WHERE user_id = gone;
        DELETE FROM idempotency_keys WHERE user_id = gone;
        DELETE FROM api_keys WHERE user_id = gone;
        DELETE FROM refresh_tokens WHERE user_id = gone;
        DELETE FROM known_devices WHERE user_id = gone;
        DELETE FROM logins WHERE user_id = gone;
        DELETE FROM risk_limits WHERE user_id = gone;
        DELETE FROM equity_snapshots WHERE user_id = gone;
        DELETE FROM equity_marks WHERE user_id = gone;
        DELETE FROM position_views WHERE user_id = gone;
        DELETE FROM session_gaps WHERE user_id = gone;
        -- Sessions of trades name a version of a strategy: its row stays, and of what the person wrote or had written nothing does.
        UPDATE strategy_versions SET python_code = '', logic_explanation = '', prompt = NULL, model = NULL, source_hash = repeat('0', 64),
            parameters = '{}', assumptions = '[]', repairs = '[]', parameter_meanings = '{}', requirements = '[]'
        WHERE user_id = gone;
        UPDATE strategies SET name = 'erased', python_code = '', logic_explanation = '', deleted_at = coalesce(deleted_at, now()) WHERE user_id = gone;
        UPDATE sessions SET state = '{}', failure_reason = NULL, replay_differences = NULL WHERE user_id = gone;
        UPDATE operator_actions SET actor = (SELECT email FROM users WHERE id = gone), reason = '' WHERE user_id = gone;
        UPDATE users SET password_hash = '!', erased_at = now() WHERE id = gone;
        erased := erased + 1;
    END LOOP;
    RETURN erased;
END
$$;

-- Computes how sessions that are shown stand: what they made of each position that they closed, sold or bought back, and, as if it were closed now, of the one that they have;
-- what they paid for borrowing is off the returns, and off the day on which it was paid. All that they made is the session's own profit and loss, what the broker corrected included.
-- A return is of what the position cost, or had brought. `of_sessions`: how many of its owner's sessions have traded, shown or not.
CREATE OR REPLACE FUNCTION compute_standings(wanted uuid[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    WITH closed AS (
        SELECT t.session_id, date_trunc('minute', max(t.executed_at)) AS at, sum(t.realized_pnl) AS pnl, 
               sum(CASE WHEN o.short THEN t.quantity * t.price + t.realized_pnl ELSE t.quantity * t.price - t.realized_pnl END) AS cost
        FROM trades t JOIN orders o ON o.id = t.order_id WHERE t.session_id = ANY(wanted) AND (t.side = 'sell') <> o.short GROUP BY t.session_id, t.order_id
        UNION ALL
        SELECT h.session_id, date_trunc('minute', now()), h.quantity * coalesce(l.price, h.avg_entry_price) - h.cost_basis, abs(h.cost_basis)
        FROM positions h LEFT JOIN latest_prices l ON l.symbol = h.symbol WHERE h.session_id = ANY(wanted) AND h.quantity <> 0),
    fees AS (
        SELECT session_id, date_trunc('minute', created_at) AS at, cash AS pnl FROM adjustments WHERE session_id = ANY(wanted) AND kind = 'BORROW_FEE'),
    summed AS (
        SELECT c.session_id, count(*) AS trades, count(*) FILTER (WHERE c.pnl > 0) AS won,
               (avg(c.pnl / c.cost) + coalesce((SELECT sum(f.pnl) FROM fees f WHERE f.session_id = c.session_id), 0) / sum(c.cost))::float8 AS mean_return,
               avg(c.cost)::float8 AS cost
        FROM closed c WHERE c.cost > 0 GROUP BY c.session_id),
    made AS (
        SELECT p.session_id, sum(p.realized_pnl + p.quantity * coalesce(l.price, p.avg_entry_price) - p.cost_basis) AS pnl
        FROM positions p LEFT JOIN latest_prices l ON l.symbol = p.symbol WHERE p.session_id = ANY(wanted) GROUP BY p.session_id),
    minutes AS (
        SELECT session_id, at, sum(pnl)::float8 AS pnl
        FROM (SELECT session_id, at, pnl FROM closed WHERE cost > 0 UNION ALL SELECT session_id, at, pnl FROM fees) each GROUP BY session_id, at),
    daily AS (
        SELECT m.session_id, sum(m.pnl) / max(s.cost) AS made FROM minutes m JOIN summed s USING (session_id)
        GROUP BY m.session_id, (market_at(m.at) AT TIME ZONE 'America/New_York')::date),
    added AS (SELECT session_id, sum(made) AS made, sum(made * made) AS squares FROM daily GROUP BY session_id),
    spans AS (
        SELECT p.session_id, p.user_id, s.ended_at, s.interfered_at, s.final_pnl, (SELECT count(*) FROM generate_series((market_at(s.started_at) AT TIME ZONE 'America/New_York')::date,
            (market_at(now()) AT TIME ZONE 'America/New_York')::date, interval '1 day') d WHERE s.symbol LIKE '%/%' OR extract(isodow FROM d) < 6)::integer AS days
        FROM published_sessions p JOIN sessions s ON s.id = p.session_id WHERE p.session_id = ANY(wanted)),
    ratios AS (
        SELECT s.*, a.made / greatest(1, s.days) / greatest(0.01, sqrt(greatest(0, (a.squares - a.made * a.made / greatest(1, s.days)) / greatest(1, s.days - 1)))) AS sharpe
        FROM spans s LEFT JOIN added a USING (session_id))
    INSERT INTO session_standings
    SELECT r.session_id, r.user_id, now(), r.days, coalesce(m.trades, 0), coalesce(m.won, 0), coalesce(r.final_pnl, e.pnl, 0), m.mean_return, r.sharpe,
           r.sharpe - 1.645 * sqrt((1 + r.sharpe * r.sharpe / 2) / greatest(1, r.days)),
           r.interfered_at IS NOT NULL OR EXISTS (SELECT FROM orders o WHERE o.session_id = r.session_id AND o.filled_quantity > 0
               AND (o.origin = 'MANUAL' OR (o.origin = 'FLATTEN' AND (r.ended_at IS NULL OR o.created_at < r.ended_at)))),
           (SELECT count(*) FROM sessions a WHERE a.user_id = r.user_id AND EXISTS (SELECT FROM trades t WHERE t.session_id = a.id))
    FROM ratios r LEFT JOIN summed m USING (session_id) LEFT JOIN made e USING (session_id)
    ON CONFLICT (session_id) DO UPDATE SET computed_at = excluded.computed_at, days = excluded.days, trades = excluded.trades, won = excluded.won, pnl = excluded.pnl,
        mean_return = excluded.mean_return, sharpe = excluded.sharpe, confident = excluded.confident, by_hand = excluded.by_hand, of_sessions = excluded.of_sessions $$;
