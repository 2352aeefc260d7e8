-- Whether a trade was crossed inside, which nobody has to read out of its execution's id.
ALTER TABLE trades ADD COLUMN inside boolean NOT NULL DEFAULT false;
UPDATE trades SET inside = true WHERE execution_id LIKE 'cross:%';
-- Until the last settler of the release before is gone, which does not know the column.
CREATE FUNCTION note_inside_trade() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.inside := NEW.inside OR NEW.execution_id LIKE 'cross:%';
    RETURN NEW;
END
$$;
CREATE TRIGGER trades_inside BEFORE INSERT ON trades FOR EACH ROW EXECUTE FUNCTION note_inside_trade();
