-- Programs that act for somebody who allowed it in a browser (OAuth 2.1): each is a login with scopes, so it is listed, ended and noted as one.
ALTER TYPE account_event_kind ADD VALUE 'PROGRAM_ALLOWED';
ALTER TYPE account_event_kind ADD VALUE 'PROGRAM_ENDED';
ALTER TABLE logins
    -- What a program may do; NULL for a person, who may do everything.
    ADD COLUMN scopes  text[],
    -- The hash of the program's client id, to whom alone tokens are given; NULL for a person.
    ADD COLUMN grantee bytea,
    ADD CONSTRAINT scopes_of_a_program CHECK ((scopes IS NULL) = (grantee IS NULL));

-- What a program exchanges for its first tokens, once, within a minute.
CREATE TABLE authorization_codes (
    code_hash    bytea PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    -- The login that begins with it.
    login_id     uuid NOT NULL,
    grantee      bytea NOT NULL,
    client       text NOT NULL,
    address      text NOT NULL,
    redirect_uri text NOT NULL,
    -- The hash of the program's secret (PKCE, S256).
    challenge    text NOT NULL,
    scopes       text[] NOT NULL,
    expires_at   timestamptz NOT NULL DEFAULT now() + interval '1 minute',
    used_at      timestamptz
);
CREATE INDEX authorization_codes_of_user ON authorization_codes (user_id);
ALTER TABLE authorization_codes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON authorization_codes TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
GRANT SELECT, INSERT, DELETE ON authorization_codes TO stratforge_api;
CREATE TRIGGER account_is_open BEFORE INSERT ON authorization_codes FOR EACH ROW EXECUTE FUNCTION require_open_account();

-- The code with this hash, which is spent by asking. One that comes twice was stolen: the login that began with it ends.
CREATE FUNCTION spend_authorization_code(hash bytea) RETURNS SETOF authorization_codes
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
BEGIN
    RETURN QUERY UPDATE authorization_codes SET used_at = now() WHERE code_hash = hash AND used_at IS NULL AND expires_at > now() RETURNING *;
    IF NOT FOUND THEN
        UPDATE logins l SET ended_at = now() FROM authorization_codes c WHERE c.code_hash = hash AND l.id = c.login_id AND l.ended_at IS NULL;
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION spend_authorization_code FROM public;
GRANT EXECUTE ON FUNCTION spend_authorization_code TO stratforge_api;

-- A code is an offer as a link is.
CREATE OR REPLACE FUNCTION forget_offers(who uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
BEGIN
    DELETE FROM mails WHERE user_id = who AND kind IN ('RESET', 'CHANGE') AND sent_at IS NULL;
    UPDATE mails SET used_at = now() WHERE user_id = who AND kind IN ('RESET', 'CHANGE') AND used_at IS NULL;
    DELETE FROM authorization_codes WHERE user_id = who;
END $$;

CREATE OR REPLACE FUNCTION login_noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NEW.scopes IS NOT NULL THEN
        PERFORM note_account_event(NEW.user_id, CASE WHEN NEW.ended_at IS NULL THEN 'PROGRAM_ALLOWED' ELSE 'PROGRAM_ENDED' END::account_event_kind,
            NEW.client || ' (' || array_to_string(NEW.scopes, ', ') || ')', CASE WHEN NEW.ended_at IS NULL THEN confirmed_address(NEW.user_id) END);
        RETURN NULL;
    END IF;
    INSERT INTO account_events (user_id, kind, address, client)
    SELECT NEW.user_id, (CASE WHEN NEW.ended_at IS NULL THEN 'SIGNED_IN' ELSE 'SIGNED_OUT' END)::account_event_kind, NEW.address, NEW.client
    FROM users WHERE id = NEW.user_id AND closed_at IS NULL;
    RETURN NULL;
END $$;

-- What closing takes out at once, beside what it does to logins and webhooks.
CREATE FUNCTION closed_account_forgets() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    DELETE FROM authorization_codes WHERE user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER closed_account_forgets AFTER UPDATE OF closed_at ON users
    FOR EACH ROW WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL) EXECUTE FUNCTION closed_account_forgets();
