-- Whoever writes a strategy on days is shown what it would have done on the last ones: where nobody's session needs these days, he asks for them, and the ingestor reads them. One wish of each
-- user, the last.
CREATE TABLE days_asked (
    user_id  uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    symbols  text[] NOT NULL CHECK (cardinality(symbols) BETWEEN 1 AND 50),
    days     integer NOT NULL CHECK (days BETWEEN 1 AND 2048),
    asked_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX days_asked_age ON days_asked (asked_at);
ALTER TABLE days_asked ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON days_asked TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
CREATE POLICY all_rows ON days_asked TO stratforge_engine USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON days_asked TO stratforge_api;
GRANT SELECT ON days_asked TO stratforge_engine;
CREATE TRIGGER account_is_open BEFORE INSERT ON days_asked FOR EACH ROW EXECUTE FUNCTION require_open_account();

CREATE FUNCTION closed_account_asks_for_no_days() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    DELETE FROM days_asked WHERE user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER closed_account_asks_for_no_days AFTER UPDATE OF closed_at ON users
    FOR EACH ROW WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL) EXECUTE FUNCTION closed_account_asks_for_no_days();
