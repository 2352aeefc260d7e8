-- What opens an account is changed with a proof, and a new password ends whatever the one before may have opened.
GRANT DELETE ON known_devices TO stratforge_api;
-- What a notice is about: a key's name, an address.
ALTER TABLE mails ADD COLUMN about text NOT NULL DEFAULT '';

-- Ends what mails offer: another password, another address. One that the mailer is sending is waited for, and ends then.
CREATE FUNCTION forget_offers(who uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
BEGIN
    DELETE FROM mails WHERE user_id = who AND kind IN ('RESET', 'CHANGE') AND sent_at IS NULL;
    UPDATE mails SET used_at = now() WHERE user_id = who AND kind IN ('RESET', 'CHANGE') AND used_at IS NULL;
END $$;

-- Whoever sets a password, and however.
CREATE FUNCTION password_set() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    UPDATE logins SET ended_at = now() WHERE user_id = NEW.id AND ended_at IS NULL;
    DELETE FROM known_devices WHERE user_id = NEW.id;
    PERFORM forget_offers(NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER password_set AFTER UPDATE OF password_hash ON users
    FOR EACH ROW WHEN (OLD.password_hash <> NEW.password_hash) EXECUTE FUNCTION password_set();

-- Notes what happened to an account that is open. Its owner is told of what an intruder would do first by mail too: at an address that was confirmed, since
-- nobody else wants to hear of it, and five times a day of each kind.
DROP FUNCTION note_account_event;
CREATE FUNCTION note_account_event(who uuid, what account_event_kind, about text, told text DEFAULT NULL, of text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
BEGIN
    INSERT INTO account_events (user_id, kind, subject, address, client)
    SELECT u.id, what, left(about, 300), coalesce(l.address, ''), coalesce(l.client, '')
    FROM users u LEFT JOIN logins l ON l.user_id = u.id AND l.id::text = current_setting('app.login_id', true)
    WHERE u.id = who AND u.closed_at IS NULL;
    IF FOUND AND told IS NOT NULL AND (SELECT count(*) FROM mails m
            WHERE m.user_id = who AND m.kind = 'NOTICE' AND m.notice = what::text AND m.created_at > now() - interval '1 day') < 5 THEN
        INSERT INTO mails (kind, address, user_id, notice, about) VALUES ('NOTICE', told, who, what::text, left(coalesce(of, about), 300));
    END IF;
END $$;
CREATE FUNCTION confirmed_address(who uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT email FROM users WHERE id = who AND email_confirmed_at IS NOT NULL AND closed_at IS NULL $$;

CREATE OR REPLACE FUNCTION user_noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NEW.password_hash <> OLD.password_hash THEN
        -- A reset confirms the address in the same breath. The keys that go on are named.
        PERFORM note_account_event(NEW.id, 'PASSWORD_CHANGED', '', CASE WHEN NEW.email_confirmed_at IS NOT NULL THEN OLD.email END,
            (SELECT string_agg(name, ', ' ORDER BY created_at) FROM api_keys WHERE user_id = NEW.id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())));
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

CREATE OR REPLACE FUNCTION two_factor_noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM note_account_event(OLD.user_id, 'TWO_FACTOR_OFF', '', confirmed_address(OLD.user_id)) WHERE OLD.confirmed_at IS NOT NULL;
    ELSIF OLD.confirmed_at IS NULL AND NEW.confirmed_at IS NOT NULL THEN
        PERFORM note_account_event(NEW.user_id, 'TWO_FACTOR_ON', '', confirmed_address(NEW.user_id));
    ELSIF cardinality(NEW.recovery_hashes) < cardinality(OLD.recovery_hashes) THEN
        PERFORM note_account_event(NEW.user_id, 'RECOVERY_CODE_USED', cardinality(NEW.recovery_hashes) || ' left', confirmed_address(NEW.user_id));
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION note_wrong_code(from_address text, from_client text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
DECLARE
    noted bigint;
BEGIN
    PERFORM note_account_event(id, 'WRONG_CODE', '', confirmed_address(id)) FROM users WHERE id = app_user_id();
    SELECT max(id) INTO noted FROM account_events WHERE user_id = app_user_id();
    -- At the login's door there is no login yet to say where it came from.
    UPDATE account_events SET address = left(from_address, 64), client = left(from_client, 200) WHERE id = noted AND kind = 'WRONG_CODE' AND address = '';
END $$;

CREATE OR REPLACE FUNCTION key_noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    named text := NEW.name || ' (' || array_to_string(NEW.scopes, ', ') || ')';
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM note_account_event(NEW.user_id, 'KEY_MADE', named, confirmed_address(NEW.user_id),
            named || ', ' || coalesce('valid until ' || to_char(NEW.expires_at, 'YYYY-MM-DD'), 'without an end'));
    ELSE
        PERFORM note_account_event(NEW.user_id, 'KEY_REVOKED', named);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION webhook_noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM note_account_event(NEW.user_id, 'WEBHOOK_ADDED', NEW.url, confirmed_address(NEW.user_id));
    ELSE
        PERFORM note_account_event(OLD.user_id, 'WEBHOOK_DELETED', OLD.url);
    END IF;
    RETURN NULL;
END $$;

-- Sets the password of whoever a token was sent to; his address, NULL when the token is not good. Who has lost a password may have lost it to somebody: keys
-- end with the logins. An account whose address was never confirmed may be somebody else's who took the address: of that nothing stays or goes on.
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

-- Whose address the link with this token would confirm or change, with what his password is checked against: nothing for a token that is not good.
CREATE FUNCTION link_owner(hash bytea) RETURNS TABLE (user_id uuid, password_hash text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$
    SELECT u.id, u.password_hash FROM mails m JOIN users u ON u.id = m.user_id
    WHERE m.token_hash = hash AND m.kind IN ('CONFIRM', 'CHANGE') AND m.used_at IS NULL AND m.expires_at > now() AND u.closed_at IS NULL
$$;

-- Takes the word of whoever reads a mailbox and knows the account's password for its address: confirms it, or puts it in the place of the account's; false
-- when the token is not good, the password is another by now, or somebody else has the address.
DROP FUNCTION confirm_address;
CREATE FUNCTION confirm_address(hash bytea, checked text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
DECLARE
    mail mails;
BEGIN
    PERFORM FROM users u WHERE u.id = (SELECT o.user_id FROM link_owner(hash) o) AND u.password_hash = checked FOR UPDATE;
    IF NOT FOUND THEN
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

-- Nothing is shown to others for an account that is closed or closing, and of one's own things only.
CREATE TRIGGER account_is_open BEFORE INSERT ON shared_reports FOR EACH ROW EXECUTE FUNCTION require_open_account();
CREATE TRIGGER account_is_open BEFORE INSERT ON published_sessions FOR EACH ROW EXECUTE FUNCTION require_open_account();
CREATE POLICY own_reports ON shared_reports AS RESTRICTIVE TO stratforge_api USING (true)
    WITH CHECK (EXISTS (SELECT FROM backtests b WHERE b.id = backtest_id AND b.user_id = app_user_id()));
CREATE POLICY own_sessions ON published_sessions AS RESTRICTIVE TO stratforge_api USING (true)
    WITH CHECK (EXISTS (SELECT FROM sessions s WHERE s.id = session_id AND s.user_id = app_user_id()));

REVOKE EXECUTE ON FUNCTION forget_offers, password_set, note_account_event, confirmed_address, link_owner, confirm_address FROM public;
CREATE FUNCTION forget_own_offers() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$ SELECT forget_offers(app_user_id()) $$;
REVOKE EXECUTE ON FUNCTION forget_own_offers FROM public;
GRANT EXECUTE ON FUNCTION forget_own_offers, link_owner, confirm_address TO stratforge_api;
