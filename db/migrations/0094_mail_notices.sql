-- Mails of what sessions, orders and trades did, for who wants them: what happened meanwhile goes into one mail, and there is a while between two.
ALTER TYPE mail_kind ADD VALUE 'ACTIVITY';
CREATE TABLE mail_notices (
    user_id    uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    -- Empty: nothing is wanted. The row stays, since it says when the next mail may be sent.
    kinds      text[] NOT NULL CHECK (kinds <@ ARRAY['trade', 'order', 'session']),
    -- Where the links of the mails lead.
    site       text NOT NULL,
    -- What happened up to here was told, or is not to be.
    cursor_tx  bigint NOT NULL,
    cursor_id  bigint NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    looked_at  timestamptz NOT NULL DEFAULT now(),
    next_mail  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mail_notices_due ON mail_notices (next_mail) WHERE kinds <> '{}';
ALTER TABLE mail_notices ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON mail_notices TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
CREATE POLICY all_rows ON mail_notices TO stratforge_engine USING (true) WITH CHECK (true);
GRANT SELECT ON mail_notices TO stratforge_api, stratforge_engine;
-- Nobody hastens his next mail by switching them off and on.
GRANT INSERT (user_id, kinds, site, cursor_tx, cursor_id), UPDATE (kinds, site, cursor_tx, cursor_id, changed_at) ON mail_notices TO stratforge_api;
GRANT UPDATE (cursor_tx, cursor_id, looked_at, next_mail) ON mail_notices TO stratforge_engine;
CREATE TRIGGER account_is_open BEFORE INSERT ON mail_notices FOR EACH ROW EXECUTE FUNCTION require_open_account();

-- What ends the mails without a login, by its hash: good for longer than the mail itself is kept.
CREATE TABLE mail_stops (
    token_hash bytea PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mail_stops_of_user ON mail_stops (user_id);
CREATE INDEX mail_stops_age ON mail_stops (created_at);
ALTER TABLE mail_stops ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON mail_stops TO stratforge_engine USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON mail_stops TO stratforge_engine;

-- Ends the mails of whoever this token was sent to; false for one that is unknown. Doing it again changes nothing.
CREATE FUNCTION stop_mail_notices(hash bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
DECLARE
    whose uuid := (SELECT user_id FROM mail_stops WHERE token_hash = hash);
BEGIN
    UPDATE mail_notices SET kinds = '{}', changed_at = now() WHERE user_id = whose AND kinds <> '{}';
    RETURN whose IS NOT NULL;
END $$;
REVOKE EXECUTE ON FUNCTION stop_mail_notices FROM public;
GRANT EXECUTE ON FUNCTION stop_mail_notices TO stratforge_api;

GRANT INSERT (kind, address, user_id, site, about) ON mails TO stratforge_engine;
GRANT EXECUTE ON FUNCTION confirmed_address TO stratforge_engine;

CREATE FUNCTION closed_account_gets_no_mail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    DELETE FROM mail_notices WHERE user_id = NEW.id;
    DELETE FROM mail_stops WHERE user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER closed_account_gets_no_mail AFTER UPDATE OF closed_at ON users
    FOR EACH ROW WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL) EXECUTE FUNCTION closed_account_gets_no_mail();
