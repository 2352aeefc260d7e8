-- What the market says of a symbol besides its last price.
ALTER TABLE latest_prices
    -- The national best bid and offer as last heard, and the market's time of it; NULL where no quotes are heard.
    ADD COLUMN bid numeric CHECK (bid > 0),
    ADD COLUMN ask numeric CHECK (ask > 0),
    ADD COLUMN quoted_at timestamptz,
    -- What the exchange says of the symbol: a regulatory halt, or a limit-up limit-down pause. Our own halts are in symbol_halts.
    ADD COLUMN exchange_state text NOT NULL DEFAULT 'TRADING' CHECK (exchange_state IN ('TRADING', 'HALTED', 'PAUSED'));

-- Orders were executable and did not fit into this block (theirs is a limit that it could have missed): the next block is theirs.
ALTER TABLE block_orders ADD COLUMN left_out boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN block_orders.cancel_after IS 'Our clock: what the broker has not filled by then is canceled there.';
