-- Passkeys (WebAuthn): a key of a device that opens an account without a password, since the device asks for a finger, a face or its own code.
ALTER TYPE account_event_kind ADD VALUE 'PASSKEY_ADDED';
ALTER TYPE account_event_kind ADD VALUE 'PASSKEY_REMOVED';
CREATE TABLE passkeys (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id        uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    credential_id  bytea NOT NULL UNIQUE CHECK (length(credential_id) <= 1023),
    public_key     bytea NOT NULL,
    -- As the device counts its signatures; one that falls back is a copy's. Those that are shared between devices stay at 0.
    sign_count     bigint NOT NULL,
    -- When the challenge was made that it answered last, in microseconds: that one and those before it are spent.
    last_challenge bigint NOT NULL DEFAULT 0,
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    created_at     timestamptz NOT NULL DEFAULT now(),
    last_used_at   timestamptz
);
CREATE INDEX passkeys_of_user ON passkeys (user_id, created_at);
ALTER TABLE passkeys ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON passkeys TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
GRANT SELECT, INSERT, DELETE ON passkeys TO stratforge_api;
GRANT UPDATE (sign_count, last_challenge, name, last_used_at) ON passkeys TO stratforge_api;
CREATE TRIGGER account_is_open BEFORE INSERT ON passkeys FOR EACH ROW EXECUTE FUNCTION require_open_account();

-- Whose passkey it is, for somebody who has not logged in.
CREATE FUNCTION find_passkey(credential bytea) RETURNS TABLE (passkey_id uuid, user_id uuid, public_key bytea, sign_count bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$
    SELECT p.id, p.user_id, p.public_key, p.sign_count FROM passkeys p JOIN users u ON u.id = p.user_id
    WHERE p.credential_id = credential AND u.closed_at IS NULL
$$;
REVOKE EXECUTE ON FUNCTION find_passkey FROM public;
GRANT EXECUTE ON FUNCTION find_passkey TO stratforge_api;

CREATE FUNCTION passkey_noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM note_account_event(NEW.user_id, 'PASSKEY_ADDED', NEW.name, confirmed_address(NEW.user_id));
    ELSE
        PERFORM note_account_event(OLD.user_id, 'PASSKEY_REMOVED', OLD.name, confirmed_address(OLD.user_id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER passkey_noted AFTER INSERT OR DELETE ON passkeys FOR EACH ROW EXECUTE FUNCTION passkey_noted();

CREATE OR REPLACE FUNCTION closed_account_forgets() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    DELETE FROM authorization_codes WHERE user_id = NEW.id;
    DELETE FROM passkeys WHERE user_id = NEW.id;
    RETURN NULL;
END $$;

-- Whoever has lost a password may have lost it to somebody, who may have added a passkey: they end with the API keys.
CREATE OR REPLACE FUNCTION reset_password(hash bytea, new_password_hash text) RETURNS text
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
    DELETE FROM passkeys WHERE user_id = mail.user_id;
    UPDATE api_keys SET revoked_at = now() WHERE user_id = mail.user_id AND revoked_at IS NULL;
    IF confirmed IS NULL THEN
        DELETE FROM webhooks WHERE user_id = mail.user_id;
        DELETE FROM two_factor WHERE user_id = mail.user_id;
        DELETE FROM shared_reports WHERE user_id = mail.user_id;
        DELETE FROM published_sessions WHERE user_id = mail.user_id;
        UPDATE sessions SET status = 'STOPPED', ended_at = coalesce(ended_at, now()), settling = true
        WHERE user_id = mail.user_id AND status IN ('PENDING', 'RUNNING', 'PAUSED');
        UPDATE orders SET cancel_requested_at = coalesce(cancel_requested_at, now())
        WHERE user_id = mail.user_id AND status IN ('PENDING', 'RESTING', 'WORKING') AND origin <> 'FLATTEN';
    END IF;
    UPDATE users SET password_hash = new_password_hash, email_confirmed_at = coalesce(email_confirmed_at, now()) WHERE id = mail.user_id;
    RETURN mail.address;
END $$;

CREATE OR REPLACE FUNCTION user_noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NEW.password_hash <> OLD.password_hash THEN
        -- A reset confirms the address in the same breath. The keys that go on are named.
        PERFORM note_account_event(NEW.id, 'PASSWORD_CHANGED', '', CASE WHEN NEW.email_confirmed_at IS NOT NULL THEN OLD.email END,
            (SELECT string_agg(name, ', ' ORDER BY created_at) FROM (
                SELECT name, created_at FROM api_keys WHERE user_id = NEW.id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
                UNION ALL SELECT 'the passkey ' || name, created_at FROM passkeys WHERE user_id = NEW.id) goes_on));
    END IF;
    IF NEW.email <> OLD.email THEN
        PERFORM note_account_event(NEW.id, 'ADDRESS_CHANGED', NEW.email, CASE WHEN OLD.email_confirmed_at IS NOT NULL THEN OLD.email END);
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
