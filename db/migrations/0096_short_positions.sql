-- Short positions in the ledger: a quantity below zero, whose cost is below zero too: what its sales brought, which buying it back is set against. An account is long only
-- until its owner has it otherwise; of one that may go short the cash may fall below zero, since a price has no upper bound and a cover is paid whatever it costs.
ALTER TABLE users
    ADD COLUMN short_selling boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT users_virtual_balance_check,
    ADD CONSTRAINT users_virtual_balance_check CHECK (virtual_balance >= 0 OR short_selling);
GRANT SELECT (short_selling) ON users TO stratforge_api, stratforge_engine;

-- What is held back of a short position is what orders buy back of it. Sold too far by mistake a long position would have no cost below zero.
ALTER TABLE positions
    DROP CONSTRAINT positions_quantity_check,
    DROP CONSTRAINT positions_cost_basis_check,
    DROP CONSTRAINT positions_check,
    DROP COLUMN avg_entry_price,
    ADD CONSTRAINT positions_side_check CHECK ((quantity >= 0 AND cost_basis >= 0) OR (quantity < 0 AND cost_basis < 0)),
    ADD CONSTRAINT positions_reserved_check CHECK (reserved_quantity >= 0 AND reserved_quantity <= abs(quantity)),
    ADD COLUMN avg_entry_price numeric GENERATED ALWAYS AS (CASE WHEN quantity <> 0 THEN round(cost_basis / quantity, 12) ELSE 0 END) STORED;
DROP INDEX positions_of_symbol;
CREATE INDEX positions_of_symbol ON positions (symbol) WHERE quantity <> 0;
CREATE INDEX positions_short ON positions (symbol) WHERE quantity < 0;

-- A sale that is `short` opens a short position or adds to it, a purchase that is buys it back.
ALTER TABLE signals ADD COLUMN short boolean NOT NULL DEFAULT false;
ALTER TABLE orders ADD COLUMN short boolean NOT NULL DEFAULT false;

-- Whether the broker lends an asset, and has it always at hand.
ALTER TABLE assets
    ADD COLUMN shortable boolean NOT NULL DEFAULT false,
    ADD COLUMN easy_to_borrow boolean NOT NULL DEFAULT false;

-- What borrowing cost a short position in a night.
ALTER TYPE adjustment_kind ADD VALUE 'BORROW_FEE';
ALTER TYPE order_origin ADD VALUE 'MARGIN_CALL';
ALTER TYPE order_origin ADD VALUE 'BUY_IN';
ALTER TYPE order_origin ADD VALUE 'HOUSE';
GRANT INSERT (short) ON orders TO stratforge_api;
CREATE INDEX users_short_selling ON users (id) WHERE short_selling;

-- The house is an account like any other, which nobody can enter: the broker lends whole shares only, and what users trade in parts while the platform's account owes some is
-- rounded with it. It begins with nothing, so that its cash is what its parts cost.
CREATE FUNCTION open_house() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    INSERT INTO users (id, email, password_hash, virtual_balance, initial_balance, short_selling)
    VALUES ('ffffffff-ffff-ffff-ffff-ffffffffffff', 'house', '!', 0, 0, true) ON CONFLICT DO NOTHING
$$;
REVOKE EXECUTE ON FUNCTION open_house FROM public;
GRANT EXECUTE ON FUNCTION open_house TO stratforge_engine;
