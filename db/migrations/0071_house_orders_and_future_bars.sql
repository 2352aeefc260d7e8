-- A bar that is dated in the future is not taken, and is said.
ALTER TABLE market_data_notes DROP CONSTRAINT market_data_notes_kind_check;
ALTER TABLE market_data_notes ADD CHECK (kind IN ('NO_LIVE_PRICES', 'NO_HISTORY', 'FUTURE_BARS', 'STREAM_REFUSED'));

-- What the account itself buys because it lacks what its holders have, by an operator's word; nobody's in the ledger.
CREATE TABLE house_orders (
    client_order_id text PRIMARY KEY,
    symbol          text NOT NULL,
    asked_at        timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    -- What became of it, in words.
    outcome         text
);
CREATE UNIQUE INDEX house_orders_open ON house_orders (symbol) WHERE ended_at IS NULL;
GRANT SELECT, UPDATE ON house_orders TO stratforge_engine;

CREATE FUNCTION operator_buy_missing(lacked text, why text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
BEGIN
    INSERT INTO house_orders (client_order_id, symbol) SELECT 'house-' || replace(gen_random_uuid()::text, '-', ''), lacked
    WHERE is_operator() AND EXISTS (SELECT FROM symbol_halts WHERE symbol = lacked AND reason = 'MISSING_UNITS')
    ON CONFLICT DO NOTHING;
    RETURN FOUND AND note_operator_action('buy missing units', lacked, why);
END
$$;
REVOKE EXECUTE ON FUNCTION operator_buy_missing FROM public;
GRANT EXECUTE ON FUNCTION operator_buy_missing TO stratforge_api;
