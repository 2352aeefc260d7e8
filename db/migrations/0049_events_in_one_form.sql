-- Events say an order's own name, times end in Z, and decimals have no trailing zeros, as everywhere in the API.
CREATE FUNCTION utc_text(moment timestamptz) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS') || coalesce(nullif(to_char(moment AT TIME ZONE 'UTC', '.US'), '.000000'), '') || 'Z'
$$;


CREATE OR REPLACE FUNCTION note_orders() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'order', jsonb_build_object('order_id', n.id, 'client_order_id', n.client_order_id, 'symbol', n.symbol, 'side', n.side,
        'type', n.type, 'origin', n.origin, 'session_id', n.session_id, 'status', n.status, 'reason', n.reason,
        'quantity', trim_scale(n.quantity)::text, 'filled_quantity', trim_scale(n.filled_quantity)::text)
    FROM new_rows n ORDER BY n.created_at, n.id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION note_changed_orders() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'order', jsonb_build_object('order_id', n.id, 'client_order_id', n.client_order_id, 'symbol', n.symbol, 'side', n.side,
        'type', n.type, 'origin', n.origin, 'session_id', n.session_id, 'status', n.status, 'reason', n.reason,
        'quantity', trim_scale(n.quantity)::text, 'filled_quantity', trim_scale(n.filled_quantity)::text)
    FROM new_rows n JOIN old_rows o ON o.id = n.id
    WHERE (n.status, n.filled_quantity) IS DISTINCT FROM (o.status, o.filled_quantity) ORDER BY n.created_at, n.id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION note_trades() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'trade', jsonb_build_object('trade_id', n.id, 'order_id', n.order_id, 'client_order_id', o.client_order_id, 'symbol', n.symbol,
        'side', n.side, 'session_id', n.session_id, 'quantity', trim_scale(n.quantity)::text, 'price', trim_scale(n.price)::text,
        'realized_pnl', trim_scale(n.realized_pnl)::text, 'executed_at', utc_text(n.executed_at))
    FROM new_rows n JOIN orders o ON o.id = n.order_id ORDER BY n.id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION note_signals() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'signal', jsonb_build_object('signal_id', n.id, 'session_id', n.session_id, 'symbol', n.symbol, 'side', n.side,
        'bar_time', utc_text(n.bar_time), 'status', n.status, 'reason', n.reason)
    FROM new_rows n ORDER BY n.id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION note_changed_signals() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'signal', jsonb_build_object('signal_id', n.id, 'session_id', n.session_id, 'symbol', n.symbol, 'side', n.side,
        'bar_time', utc_text(n.bar_time), 'status', n.status, 'reason', n.reason)
    FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE n.status IS DISTINCT FROM o.status ORDER BY n.id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION note_changed_sessions() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'session', jsonb_build_object('session_id', n.id, 'strategy_id', n.strategy_id, 'symbol', n.symbol, 'status', n.status,
        'failure_reason', n.failure_reason, 'final_pnl', trim_scale(n.final_pnl)::text)
    FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE n.status IS DISTINCT FROM o.status ORDER BY n.id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION note_session_gaps() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'session', jsonb_build_object('session_id', n.session_id, 'strategy_id', s.strategy_id, 'symbol', s.symbol,
        'status', s.status, 'failure_reason', s.failure_reason, 'final_pnl', trim_scale(s.final_pnl)::text, 'missed_bars', n.bars,
        'missed_after', utc_text(n.after_bar))
    FROM new_rows n JOIN sessions s ON s.id = n.session_id ORDER BY n.session_id;
    RETURN NULL;
END $$;
