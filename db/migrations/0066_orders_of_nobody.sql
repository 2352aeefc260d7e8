-- An order at the broker that is not of the platform (somebody bought what the account lacked) is kept like any difference, until an operator accepts it as the account's own.
ALTER TABLE kept_corrections DROP CONSTRAINT kept_corrections_client_order_id_fkey;
ALTER TABLE kept_corrections ADD COLUMN side trade_side, ADD COLUMN sent_at timestamptz;

CREATE OR REPLACE FUNCTION operator_accept_correction(order_id text, seen_quantity numeric, seen_value numeric, why text) RETURNS boolean
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
    DELETE FROM symbol_halts WHERE symbol = concerned AND reason IN ('UNEXPLAINED_FILL', 'UNKNOWN_ORDER')
        AND NOT EXISTS (SELECT FROM kept_corrections WHERE symbol = concerned AND ended_at IS NULL);
    RETURN note_operator_action('accept correction', order_id, why);
END
$$;
