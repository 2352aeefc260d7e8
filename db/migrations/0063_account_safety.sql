-- The account's safety: confirmed addresses, forgotten passwords, a second factor, and a log of all that concerns the account.
ALTER TABLE users ADD COLUMN email_confirmed_at timestamptz;
GRANT SELECT (email_confirmed_at) ON users TO stratforge_api;

-- Mails that somebody asked for or is to be told by. A token is made when the mail is sent and kept as a hash: nothing that waits here opens anything.
CREATE TYPE mail_kind AS ENUM ('CONFIRM', 'CHANGE', 'RESET', 'NOTICE');
CREATE TABLE mails (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind       mail_kind NOT NULL,
    address    text NOT NULL CHECK (length(address) BETWEEN 3 AND 254),
    -- NULL: nobody has the address. The row is made all the same, so that asking takes as long as for somebody.
    user_id    uuid REFERENCES users ON DELETE CASCADE,
    -- Where its link leads to; NULL for a notice, which has none.
    site       text,
    notice     text,
    created_at timestamptz NOT NULL DEFAULT now(),
    attempts   integer NOT NULL DEFAULT 0,
    retry_at   timestamptz NOT NULL DEFAULT now(),
    sent_at    timestamptz,
    token_hash bytea UNIQUE,
    expires_at timestamptz,
    used_at    timestamptz
);
CREATE INDEX mails_waiting ON mails (created_at) WHERE sent_at IS NULL;
CREATE INDEX mails_of_user ON mails (user_id, created_at DESC);
ALTER TABLE mails ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON mails TO stratforge_api USING (user_id = app_user_id());
CREATE POLICY all_rows ON mails TO stratforge_engine USING (true) WITH CHECK (true);
GRANT SELECT (kind, address, user_id, created_at, sent_at, used_at) ON mails TO stratforge_api;
GRANT SELECT, UPDATE, DELETE ON mails TO stratforge_engine;

-- The second factor. No role but the API's sees a secret, and that one only its user's.
CREATE TABLE two_factor (
    user_id         uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    secret          text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    -- NULL until the first code was given: nobody locks himself out with an app that has another secret.
    confirmed_at    timestamptz,
    -- The half minute of the last code that was taken: that one and those before it are spent.
    last_step       bigint NOT NULL DEFAULT 0,
    recovery_hashes bytea[] NOT NULL DEFAULT '{}'
);
ALTER TABLE two_factor ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON two_factor TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
GRANT SELECT, INSERT, UPDATE, DELETE ON two_factor TO stratforge_api;

-- What happened to an account. Triggers write it, whoever causes it; the API's role reads it, and can neither add nor take away.
CREATE TYPE account_event_kind AS ENUM (
    'SIGNED_IN', 'SIGNED_OUT', 'PASSWORD_CHANGED', 'ADDRESS_CONFIRMED', 'ADDRESS_CHANGED', 'TWO_FACTOR_ON', 'TWO_FACTOR_OFF', 'RECOVERY_CODE_USED', 'WRONG_CODE',
    'KEY_MADE', 'KEY_REVOKED', 'WEBHOOK_ADDED', 'WEBHOOK_DELETED', 'TRADING_STATE_CHANGED', 'LIMITS_CHANGED');
CREATE TABLE account_events (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    at      timestamptz NOT NULL DEFAULT now(),
    kind    account_event_kind NOT NULL,
    -- What it was about: a key's name, an address.
    subject text NOT NULL DEFAULT '',
    -- Where it came from, as the login says that caused it.
    address text NOT NULL DEFAULT '',
    client  text NOT NULL DEFAULT ''
);
CREATE INDEX account_events_of_user ON account_events (user_id, id DESC);
ALTER TABLE account_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON account_events TO stratforge_api USING (user_id = app_user_id());
CREATE POLICY all_rows ON account_events TO stratforge_engine USING (true) WITH CHECK (true);
GRANT SELECT ON account_events TO stratforge_api;
GRANT SELECT, DELETE ON account_events TO stratforge_engine;

-- Notes what happened to an account that is open; the owner is told of what an intruder would do first by mail too, at the address that was his until then.
CREATE FUNCTION note_account_event(who uuid, what account_event_kind, about text, told text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
BEGIN
    INSERT INTO account_events (user_id, kind, subject, address, client)
    SELECT u.id, what, left(about, 300), coalesce(l.address, ''), coalesce(l.client, '')
    FROM users u LEFT JOIN logins l ON l.user_id = u.id AND l.id::text = current_setting('app.login_id', true)
    WHERE u.id = who AND u.closed_at IS NULL;
    IF FOUND AND told IS NOT NULL THEN
        INSERT INTO mails (kind, address, user_id, notice) VALUES ('NOTICE', told, who, what::text);
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION note_account_event FROM public;

CREATE FUNCTION login_noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO account_events (user_id, kind, address, client)
    SELECT NEW.user_id, (CASE WHEN NEW.ended_at IS NULL THEN 'SIGNED_IN' ELSE 'SIGNED_OUT' END)::account_event_kind, NEW.address, NEW.client
    FROM users WHERE id = NEW.user_id AND closed_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER login_begun_noted AFTER INSERT ON logins FOR EACH ROW EXECUTE FUNCTION login_noted();
CREATE TRIGGER login_ended_noted AFTER UPDATE OF ended_at ON logins
    FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION login_noted();

CREATE FUNCTION user_noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NEW.password_hash <> OLD.password_hash THEN
        PERFORM note_account_event(NEW.id, 'PASSWORD_CHANGED', '', OLD.email);
    END IF;
    IF NEW.email <> OLD.email THEN
        PERFORM note_account_event(NEW.id, 'ADDRESS_CHANGED', NEW.email, OLD.email);
        -- Who is an operator is noted by his address; what closing looks for is the one of then.
        UPDATE operator_actions SET subject = NEW.email WHERE subject = OLD.email;
        UPDATE operator_actions SET actor = NEW.email WHERE actor = OLD.email;
    ELSIF NEW.email_confirmed_at IS NOT NULL AND OLD.email_confirmed_at IS NULL THEN
        PERFORM note_account_event(NEW.id, 'ADDRESS_CONFIRMED', NEW.email);
    END IF;
    IF NEW.trading_state <> OLD.trading_state THEN
        PERFORM note_account_event(NEW.id, 'TRADING_STATE_CHANGED', NEW.trading_state::text);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER user_noted AFTER UPDATE OF password_hash, email, email_confirmed_at, trading_state ON users FOR EACH ROW EXECUTE FUNCTION user_noted();

CREATE FUNCTION two_factor_noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM note_account_event(OLD.user_id, 'TWO_FACTOR_OFF', '', (SELECT email FROM users WHERE id = OLD.user_id)) WHERE OLD.confirmed_at IS NOT NULL;
    ELSIF OLD.confirmed_at IS NULL AND NEW.confirmed_at IS NOT NULL THEN
        PERFORM note_account_event(NEW.user_id, 'TWO_FACTOR_ON', '', (SELECT email FROM users WHERE id = NEW.user_id));
    ELSIF cardinality(NEW.recovery_hashes) < cardinality(OLD.recovery_hashes) THEN
        PERFORM note_account_event(NEW.user_id, 'RECOVERY_CODE_USED', cardinality(NEW.recovery_hashes) || ' left', (SELECT email FROM users WHERE id = NEW.user_id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER two_factor_noted AFTER UPDATE OR DELETE ON two_factor FOR EACH ROW EXECUTE FUNCTION two_factor_noted();

-- Somebody knew the password and not the second factor. Noted for the transaction's user alone.
CREATE FUNCTION note_wrong_code(from_address text, from_client text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$ INSERT INTO account_events (user_id, kind, address, client) SELECT id, 'WRONG_CODE', left(from_address, 64), left(from_client, 200)
          FROM users WHERE id = app_user_id() AND closed_at IS NULL $$;
REVOKE EXECUTE ON FUNCTION note_wrong_code FROM public;
GRANT EXECUTE ON FUNCTION note_wrong_code TO stratforge_api;

CREATE FUNCTION key_noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    PERFORM note_account_event(NEW.user_id, CASE WHEN TG_OP = 'INSERT' THEN 'KEY_MADE' ELSE 'KEY_REVOKED' END::account_event_kind,
        NEW.name || ' (' || array_to_string(NEW.scopes, ', ') || ')');
    RETURN NULL;
END $$;
CREATE TRIGGER key_made_noted AFTER INSERT ON api_keys FOR EACH ROW EXECUTE FUNCTION key_noted();
CREATE TRIGGER key_revoked_noted AFTER UPDATE OF revoked_at ON api_keys
    FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION key_noted();

CREATE FUNCTION webhook_noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM note_account_event(NEW.user_id, 'WEBHOOK_ADDED', NEW.url);
    ELSE
        PERFORM note_account_event(OLD.user_id, 'WEBHOOK_DELETED', OLD.url);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER webhook_noted AFTER INSERT OR DELETE ON webhooks FOR EACH ROW EXECUTE FUNCTION webhook_noted();

CREATE FUNCTION limits_noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW IS DISTINCT FROM OLD THEN
        PERFORM note_account_event(NEW.user_id, 'LIMITS_CHANGED', '');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER limits_noted AFTER INSERT OR UPDATE ON risk_limits FOR EACH ROW EXECUTE FUNCTION limits_noted();

-- Asks for a mail: to the user of the transaction, or with RESET to whoever has the address.
CREATE FUNCTION ask_for_mail(what mail_kind, mailbox text, place text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$
    INSERT INTO mails (kind, address, site, user_id)
    SELECT what, lower(mailbox), place, CASE WHEN what = 'RESET' THEN (SELECT id FROM users WHERE email = lower(mailbox) AND closed_at IS NULL) ELSE app_user_id() END
$$;

-- The mail whose link has this token, which is spent by asking; NULLs for one that is unknown, spent or expired, or whose account is closed.
CREATE FUNCTION spend_mail(hash bytea) RETURNS mails
    LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$
    UPDATE mails m SET used_at = now() FROM users u
    WHERE m.token_hash = hash AND m.used_at IS NULL AND m.expires_at > now() AND u.id = m.user_id AND u.closed_at IS NULL
    RETURNING m.*
$$;
REVOKE EXECUTE ON FUNCTION spend_mail FROM public;

-- Sets the password of whoever a token was sent to, and ends all that the one before may have opened; his address, NULL when the token is not good.
-- An account whose address was never confirmed may be somebody else's who took the address: of that nothing stays.
CREATE FUNCTION reset_password(hash bytea, new_password_hash text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
DECLARE
    mail mails;
    confirmed timestamptz;
BEGIN
    SELECT * INTO mail FROM mails WHERE token_hash = hash AND kind = 'RESET';
    IF mail.id IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT email_confirmed_at INTO confirmed FROM users WHERE id = mail.user_id AND email = mail.address AND closed_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    mail := spend_mail(hash);
    IF mail.id IS NULL THEN
        RETURN NULL;
    END IF;
    IF confirmed IS NULL THEN
        UPDATE api_keys SET revoked_at = now() WHERE user_id = mail.user_id AND revoked_at IS NULL;
        DELETE FROM webhooks WHERE user_id = mail.user_id;
        DELETE FROM two_factor WHERE user_id = mail.user_id;
    END IF;
    UPDATE users SET password_hash = new_password_hash, email_confirmed_at = coalesce(email_confirmed_at, now()) WHERE id = mail.user_id;
    UPDATE logins SET ended_at = now() WHERE user_id = mail.user_id AND ended_at IS NULL;
    DELETE FROM known_devices WHERE user_id = mail.user_id;
    UPDATE mails SET used_at = now() WHERE user_id = mail.user_id AND kind IN ('RESET', 'CHANGE') AND used_at IS NULL;
    RETURN mail.address;
END $$;

-- Takes the word of whoever reads a mailbox for its address: confirms it, or puts it in the place of the account's; false when the token is not good,
-- or somebody else has the address by now.
CREATE FUNCTION confirm_address(hash bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
DECLARE
    mail mails;
BEGIN
    IF NOT EXISTS (SELECT FROM mails WHERE token_hash = hash AND kind IN ('CONFIRM', 'CHANGE')) THEN
        RETURN false;
    END IF;
    mail := spend_mail(hash);
    IF mail.id IS NULL THEN
        RETURN false;
    END IF;
    IF mail.kind = 'CONFIRM' THEN
        UPDATE users SET email_confirmed_at = coalesce(email_confirmed_at, now()) WHERE id = mail.user_id AND email = mail.address;
        RETURN FOUND;
    END IF;
    BEGIN
        UPDATE users SET email = mail.address, email_confirmed_at = now() WHERE id = mail.user_id;
    EXCEPTION WHEN unique_violation THEN
        RETURN false;
    END;
    -- What was sent to the former address opens nothing any more.
    UPDATE mails SET used_at = now() WHERE user_id = mail.user_id AND kind <> 'NOTICE' AND used_at IS NULL;
    RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION ask_for_mail, reset_password, confirm_address FROM public;
GRANT EXECUTE ON FUNCTION ask_for_mail, reset_password, confirm_address TO stratforge_api;

-- Closing takes out at once what says who somebody was and is nobody's ledger.
CREATE OR REPLACE FUNCTION account_closed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    UPDATE logins SET ended_at = now() WHERE user_id = NEW.id AND ended_at IS NULL;
    DELETE FROM webhooks WHERE user_id = NEW.id;
    DELETE FROM two_factor WHERE user_id = NEW.id;
    DELETE FROM account_events WHERE user_id = NEW.id;
    DELETE FROM mails WHERE user_id = NEW.id;
    UPDATE operator_actions SET subject = NEW.email WHERE subject = OLD.email;
    UPDATE operator_actions SET actor = NEW.email WHERE actor = OLD.email;
    RETURN NULL;
END $$;
