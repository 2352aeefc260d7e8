-- A session that is to hold nothing any more: what is filled after it ended is sold again, until nothing is held and no order is open.
ALTER TABLE sessions ADD COLUMN flatten_requested_at timestamptz;
CREATE INDEX sessions_closing ON sessions (symbol) WHERE flatten_requested_at IS NOT NULL AND settling;
CREATE INDEX users_closed ON users (id) WHERE closed_at IS NOT NULL;
GRANT UPDATE (flatten_requested_at) ON sessions TO stratforge_api;
GRANT SELECT (closed_at) ON users TO stratforge_engine;

-- Closing an account: nothing that is at work stays behind, and what is filled meanwhile is sold, so it only reduces from here on.
CREATE OR REPLACE FUNCTION close_account() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
DECLARE
    me uuid := app_user_id();
BEGIN
    UPDATE users SET closed_at = now(), email = 'closed-' || id || '@closed.invalid', password_hash = '!', trading_state = 'REDUCING'
    WHERE id = me AND closed_at IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE refresh_tokens SET spent_at = now() WHERE user_id = me AND spent_at IS NULL;
    UPDATE api_keys SET revoked_at = now() WHERE user_id = me AND revoked_at IS NULL;
    UPDATE orders SET cancel_requested_at = coalesce(cancel_requested_at, now())
    WHERE user_id = me AND status IN ('PENDING', 'RESTING', 'WORKING') AND origin <> 'FLATTEN';
    UPDATE sessions SET
        status = CASE WHEN status IN ('PENDING', 'RUNNING', 'PAUSED') THEN 'STOPPED'::session_status ELSE status END,
        ended_at = coalesce(ended_at, now()), settling = true, flatten_requested_at = coalesce(flatten_requested_at, now())
    WHERE user_id = me AND (status IN ('PENDING', 'RUNNING', 'PAUSED') OR settling OR EXISTS (
        SELECT FROM positions p WHERE p.session_id = sessions.id AND p.quantity > 0));
    INSERT INTO orders (user_id, session_id, symbol, side, origin, type, time_in_force, size_kind, size)
    SELECT user_id, session_id, symbol, 'sell', 'FLATTEN', 'market', 'gtc', 'fraction', 1 FROM positions p
    WHERE user_id = me AND quantity > 0 AND NOT EXISTS (
        SELECT FROM orders o WHERE o.user_id = me AND o.session_id IS NOT DISTINCT FROM p.session_id AND o.symbol = p.symbol
          AND o.origin = 'FLATTEN' AND o.status IN ('PENDING', 'RESTING', 'WORKING'));
    RETURN true;
END
$$;
