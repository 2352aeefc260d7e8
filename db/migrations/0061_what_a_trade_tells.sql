-- What of an execution crossed inside is what somebody else traded, so a trade is told whole: the part in the market together with the part that crossed.
-- Only where all of it crossed is that said.
CREATE VIEW told_trades WITH (security_invoker = true) AS
SELECT t.id, t.order_id, t.block_order_id, t.user_id, t.session_id, t.symbol, t.side, t.quantity + coalesce(o.quantity, 0) AS quantity, t.price,
       t.realized_pnl + coalesce(o.realized_pnl, 0) AS realized_pnl, t.execution_id, t.executed_at,
       t.fee_quantity + coalesce(o.fee_quantity, 0) AS fee_quantity, t.fee_cash + coalesce(o.fee_cash, 0) AS fee_cash, t.inside
FROM trades t LEFT JOIN trades o ON o.order_id = t.order_id AND o.execution_id = t.execution_id AND o.inside <> t.inside
WHERE NOT t.inside OR o.id IS NULL;
GRANT SELECT ON told_trades TO stratforge_api, stratforge_engine;

CREATE OR REPLACE FUNCTION note_trades() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'trade', jsonb_build_object('trade_id', n.id, 'order_id', n.order_id, 'client_order_id', o.client_order_id, 'symbol', n.symbol,
        'side', n.side, 'session_id', n.session_id, 'quantity', trim_scale(n.quantity)::text, 'price', trim_scale(n.price)::text,
        'realized_pnl', trim_scale(n.realized_pnl)::text, 'executed_at', utc_text(n.executed_at))
    FROM (SELECT coalesce(min(id) FILTER (WHERE NOT inside), min(id)) AS id, order_id, user_id, session_id, symbol, side, sum(quantity) AS quantity, price,
                 sum(realized_pnl) AS realized_pnl, executed_at
          FROM new_rows GROUP BY order_id, execution_id, user_id, session_id, symbol, side, price, executed_at) n
    JOIN orders o ON o.id = n.order_id ORDER BY n.id;
    RETURN NULL;
END $$;

-- Numbers rise and leave gaps that say nothing, so that nobody counts what others did between two of his own.
CREATE FUNCTION leave_a_gap() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    PERFORM nextval(TG_ARGV[0]::regclass) FROM generate_series(1, floor(random() * 8)::int);
    RETURN NEW;
END $$;
CREATE TRIGGER trades_gap BEFORE INSERT ON trades FOR EACH ROW EXECUTE FUNCTION leave_a_gap('trades_id_seq');
CREATE TRIGGER signals_gap BEFORE INSERT ON signals FOR EACH ROW EXECUTE FUNCTION leave_a_gap('signals_id_seq');
