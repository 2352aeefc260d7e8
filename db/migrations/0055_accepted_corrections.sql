-- Accepting that the broker and the ledger say an order differently is a call of its own, which names the order and the amounts. Only these are accepted: they
-- stand beside what was seen last, which may be another difference by then.
ALTER TABLE kept_corrections ADD COLUMN accepted_quantity numeric, ADD COLUMN accepted_value numeric;
UPDATE kept_corrections SET accepted_quantity = quantity, accepted_value = value WHERE ended_at IS NOT NULL;

CREATE OR REPLACE FUNCTION operator_resume_symbol(resumed text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
BEGIN
    DELETE FROM symbol_halts WHERE symbol = resumed AND is_operator();
    RETURN FOUND AND note_operator_action('resume symbol', resumed, '');
END
$$;
CREATE FUNCTION operator_corrections() RETURNS TABLE (order_id text, symbol text, quantity numeric, value numeric, noted_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$
    SELECT k.client_order_id, k.symbol, k.quantity, k.value, k.noted_at FROM kept_corrections k
    WHERE is_operator() AND k.ended_at IS NULL ORDER BY k.noted_at, k.client_order_id
$$;
CREATE FUNCTION operator_accept_correction(order_id text, seen_quantity numeric, seen_value numeric, why text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
DECLARE
    concerned text;
BEGIN
    UPDATE kept_corrections SET ended_at = now(), accepted_quantity = quantity, accepted_value = value
    WHERE client_order_id = order_id AND ended_at IS NULL AND quantity = seen_quantity AND value = seen_value AND is_operator()
    RETURNING symbol INTO concerned;
    IF concerned IS NULL THEN
        RETURN false;
    END IF;
    DELETE FROM symbol_halts WHERE symbol = concerned AND reason = 'UNEXPLAINED_FILL'
        AND NOT EXISTS (SELECT FROM kept_corrections WHERE symbol = concerned AND ended_at IS NULL);
    RETURN note_operator_action('accept correction', order_id, why);
END
$$;
REVOKE EXECUTE ON FUNCTION operator_corrections, operator_accept_correction FROM public;
GRANT EXECUTE ON FUNCTION operator_corrections, operator_accept_correction TO stratforge_api;
