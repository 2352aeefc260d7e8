-- What the broker changed in a finished order and the ledger could not follow, kept until it can, or until an operator ends it by resuming the symbol: how much more
-- the broker has of the order than the ledger, and how much more it came to.
CREATE TABLE kept_corrections (
    client_order_id text PRIMARY KEY REFERENCES block_orders (client_order_id) ON DELETE CASCADE,
    symbol          text NOT NULL,
    quantity        numeric NOT NULL DEFAULT 0,
    value           numeric NOT NULL DEFAULT 0,
    noted_at        timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz
);
CREATE INDEX kept_corrections_open ON kept_corrections (symbol) WHERE ended_at IS NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON kept_corrections TO stratforge_engine;

-- Who resumes a symbol that halts for a fill, or for nothing, accepts what the broker and the ledger say differently of its orders.
CREATE OR REPLACE FUNCTION operator_resume_symbol(resumed text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
DECLARE
    known boolean;
BEGIN
    WITH halt AS (DELETE FROM symbol_halts WHERE symbol = resumed AND is_operator() RETURNING reason),
    ended AS (
        UPDATE kept_corrections SET ended_at = now()
        WHERE symbol = resumed AND ended_at IS NULL AND is_operator() AND NOT EXISTS (SELECT FROM halt WHERE reason <> 'UNEXPLAINED_FILL') RETURNING 1)
    SELECT EXISTS (SELECT FROM halt) OR EXISTS (SELECT FROM ended) INTO known;
    RETURN known AND note_operator_action('resume symbol', resumed, '');
END
$$;
