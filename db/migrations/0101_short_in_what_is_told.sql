-- What is told of orders, trades and signals says whether it is of a short position: a sale that is opens one or adds to it, a purchase that is buys it back.
CREATE OR REPLACE VIEW told_trades WITH (security_invoker = true) AS
SELECT t.id, t.order_id, t.block_order_id, t.user_id, t.session_id, t.symbol, t.side, t.quantity + coalesce(o.quantity, 0) AS quantity, t.price,
       t.realized_pnl + coalesce(o.realized_pnl, 0) AS realized_pnl, t.execution_id, t.executed_at,
       t.fee_quantity + coalesce(o.fee_quantity, 0) AS fee_quantity, t.fee_cash + coalesce(o.fee_cash, 0) AS fee_cash, t.inside,
       (SELECT p.short FROM orders p WHERE p.id = t.order_id) AS short
FROM trades t LEFT JOIN trades o ON o.order_id = t.order_id AND o.execution_id = t.execution_id AND o.inside <> t.inside
WHERE NOT t.inside OR o.id IS NULL;

CREATE OR REPLACE FUNCTION note_orders() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'order', jsonb_build_object('order_id', n.id, 'client_order_id', n.client_order_id, 'symbol', n.symbol, 'side', n.side, 'short', n.short,
        'type', n.type, 'origin', n.origin, 'session_id', n.session_id, 'status', n.status, 'reason', n.reason,
        'quantity', trim_scale(n.quantity)::text, 'filled_quantity', trim_scale(n.filled_quantity)::text)
    FROM new_rows n ORDER BY n.created_at, n.id;
    RETURN NULL;
END $$;

-- Replacing a function forgets how it is to be planned: what joins old and new rows is hashed (0016).
CREATE OR REPLACE FUNCTION note_changed_orders() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public SET enable_nestloop = off AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'order', jsonb_build_object('order_id', n.id, 'client_order_id', n.client_order_id, 'symbol', n.symbol, 'side', n.side, 'short', n.short,
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
        'side', n.side, 'short', o.short, 'session_id', n.session_id, 'quantity', trim_scale(n.quantity)::text, 'price', trim_scale(n.price)::text,
        'realized_pnl', trim_scale(n.realized_pnl)::text, 'executed_at', utc_text(n.executed_at))
    FROM (SELECT coalesce(min(id) FILTER (WHERE NOT inside), min(id)) AS id, order_id, user_id, session_id, symbol, side, sum(quantity) AS quantity, price,
                 sum(realized_pnl) AS realized_pnl, executed_at
          FROM new_rows GROUP BY order_id, execution_id, user_id, session_id, symbol, side, price, executed_at) n
    JOIN orders o ON o.id = n.order_id ORDER BY n.id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION note_signals() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'signal', jsonb_build_object('signal_id', n.id, 'session_id', n.session_id, 'symbol', n.symbol, 'side', n.side, 'short', n.short,
        'bar_time', utc_text(n.bar_time), 'status', n.status, 'reason', n.reason)
    FROM new_rows n ORDER BY n.id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION note_changed_signals() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public SET enable_nestloop = off AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'signal', jsonb_build_object('signal_id', n.id, 'session_id', n.session_id, 'symbol', n.symbol, 'side', n.side, 'short', n.short,
        'bar_time', utc_text(n.bar_time), 'status', n.status, 'reason', n.reason)
    FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE n.status IS DISTINCT FROM o.status ORDER BY n.id;
    RETURN NULL;
END $$;

-- Whether an account may go short is a matter of its safety, and a line of its log.
ALTER TYPE account_event_kind ADD VALUE 'SHORT_SELLING_ENABLED';
ALTER TYPE account_event_kind ADD VALUE 'SHORT_SELLING_DISABLED';
CREATE FUNCTION short_selling_noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    PERFORM note_account_event(NEW.id, (CASE WHEN NEW.short_selling THEN 'SHORT_SELLING_ENABLED' ELSE 'SHORT_SELLING_DISABLED' END)::account_event_kind, '');
    RETURN NULL;
END $$;
CREATE TRIGGER short_selling_noted AFTER UPDATE OF short_selling ON users
    FOR EACH ROW WHEN (OLD.short_selling <> NEW.short_selling) EXECUTE FUNCTION short_selling_noted();
