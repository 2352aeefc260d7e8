-- What a client calls an order, unique among its owner's, so that a program finds again what it placed. What a person wrote there is erased with him.
ALTER TABLE orders ADD COLUMN client_order_id text CHECK (char_length(client_order_id) BETWEEN 1 AND 128);
GRANT INSERT (client_order_id) ON orders TO stratforge_api;
CREATE FUNCTION account_erased() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    UPDATE orders SET client_order_id = NULL WHERE user_id = NEW.id AND client_order_id IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER account_erased AFTER UPDATE OF erased_at ON users FOR EACH ROW WHEN (NEW.erased_at IS NOT NULL) EXECUTE FUNCTION account_erased();
-- A report is its owner's to throw away.
GRANT DELETE ON backtests TO stratforge_api;
