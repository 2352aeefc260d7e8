-- A remainder that was refused as too small to be sold keeps nobody from being erased: it stays under the number that leads to nobody.
-- Erases closed accounts that hold nothing that can be sold, have no open order and no work under way, `how_many` at most; returns how many. Each is erased wholly
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
          AND NOT EXISTS (SELECT FROM positions p WHERE p.user_id = u.id AND p.quantity > 0 AND NOT EXISTS (
            SELECT FROM orders x WHERE x.user_id = p.user_id AND x.session_id IS NOT DISTINCT FROM p.session_id AND x.symbol = p.symbol
              AND x.origin = 'FLATTEN' AND x.status = 'REJECTED' AND x.reason IN ('BELOW_MINIMUM', 'WHOLE_UNITS_ONLY') AND x.size_kind = 'quantity' AND x.size = p.quantity))
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
