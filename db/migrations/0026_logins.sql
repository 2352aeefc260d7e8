-- Logins, so that nothing outlives a logout: every request that comes with a token names its login, and one that has ended opens nothing.
CREATE TABLE logins (
    -- Also the family of its refresh tokens, and the `sid` of its access tokens.
    id               uuid PRIMARY KEY,
    user_id          uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    -- Where it began: the address and the client, for its owner to recognize.
    address          text NOT NULL DEFAULT '',
    client           text NOT NULL DEFAULT '',
    created_at       timestamptz NOT NULL DEFAULT now(),
    last_seen_at     timestamptz NOT NULL DEFAULT now(),
    -- When its owner last gave the password: what cannot be undone asks for a recent one.
    authenticated_at timestamptz NOT NULL DEFAULT now(),
    ended_at         timestamptz
);
CREATE INDEX logins_of_user ON logins (user_id, last_seen_at DESC, id);
INSERT INTO logins (id, user_id, created_at, last_seen_at, authenticated_at, ended_at)
SELECT family_id, user_id, min(created_at), max(created_at), min(created_at), CASE WHEN bool_and(spent_at IS NOT NULL) THEN max(spent_at) END
FROM refresh_tokens GROUP BY family_id, user_id ON CONFLICT DO NOTHING;
-- A socket ends with the login that opened it. Those of before are opened again by their pages.
DELETE FROM live_connections;
ALTER TABLE live_connections
    ADD COLUMN login_id uuid REFERENCES logins ON DELETE CASCADE,
    ADD COLUMN key_id   uuid REFERENCES api_keys ON DELETE CASCADE;

-- What opens a socket, once, within a minute: browsers cannot send headers with one, and addresses are logged.
CREATE TABLE realtime_tickets (
    ticket_hash bytea PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    login_id    uuid REFERENCES logins ON DELETE CASCADE,
    key_id      uuid REFERENCES api_keys ON DELETE CASCADE,
    -- The site whose page asked; sockets of other sites' pages are refused.
    origin      text,
    expires_at  timestamptz NOT NULL
);
ALTER TABLE realtime_tickets ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON realtime_tickets TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
CREATE POLICY all_rows ON realtime_tickets TO stratforge_engine USING (true) WITH CHECK (true);
GRANT INSERT ON realtime_tickets TO stratforge_api;
GRANT SELECT, DELETE ON realtime_tickets TO stratforge_engine;

ALTER TABLE logins ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON logins TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
CREATE POLICY all_rows ON logins TO stratforge_engine USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON logins TO stratforge_api;
GRANT UPDATE (last_seen_at, authenticated_at, ended_at) ON logins TO stratforge_api;
GRANT SELECT ON logins TO stratforge_engine;
-- Whoever tells sockets looks whether what opened them is still good.
GRANT SELECT (id, revoked_at, expires_at) ON api_keys TO stratforge_engine;

-- Refuses a login that has ended. Asked at the beginning of every transaction that somebody who logged in causes.
CREATE FUNCTION require_login(who uuid, login uuid) RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM logins l JOIN users u ON u.id = l.user_id
                   WHERE l.id = login AND l.user_id = who AND l.ended_at IS NULL AND u.closed_at IS NULL) THEN
        RAISE EXCEPTION 'the login has ended' USING ERRCODE = 'invalid_authorization_specification';
    END IF;
END
$$;

-- What ends with a login: its refresh tokens; whoever tells its sockets closes them when it hears.
CREATE FUNCTION login_ended() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    UPDATE refresh_tokens SET spent_at = now() WHERE family_id = NEW.id AND spent_at IS NULL;
    PERFORM pg_notify('events', '');
    RETURN NULL;
END $$;
CREATE FUNCTION key_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('events', '');
    RETURN NULL;
END $$;
CREATE TRIGGER key_revoked AFTER UPDATE OF revoked_at ON api_keys FOR EACH STATEMENT EXECUTE FUNCTION key_revoked();
CREATE TRIGGER login_ended AFTER UPDATE OF ended_at ON logins
    FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION login_ended();

-- What ends with an account, whatever closes it: logins, webhooks with what is queued for them, events that nobody may hear any more.
CREATE FUNCTION account_closed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    UPDATE logins SET ended_at = now() WHERE user_id = NEW.id AND ended_at IS NULL;
    DELETE FROM webhooks WHERE user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER account_closed AFTER UPDATE OF closed_at ON users
    FOR EACH ROW WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL) EXECUTE FUNCTION account_closed();

-- Nothing is begun for an account that is closed or closing: whoever began first is seen by the other.
CREATE FUNCTION require_open_account() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    PERFORM FROM users WHERE id = NEW.user_id AND closed_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the account is closed' USING ERRCODE = 'invalid_authorization_specification';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER account_is_open BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION require_open_account();
CREATE TRIGGER account_is_open BEFORE INSERT ON webhooks FOR EACH ROW EXECUTE FUNCTION require_open_account();
CREATE TRIGGER account_is_open BEFORE INSERT ON api_keys FOR EACH ROW EXECUTE FUNCTION require_open_account();
CREATE TRIGGER account_is_open BEFORE INSERT ON logins FOR EACH ROW EXECUTE FUNCTION require_open_account();

-- Attempts to log in, by who is tried and from where: a pause that grows with every failure, for that place alone.
CREATE TABLE login_attempts (
    bucket        text PRIMARY KEY,
    failures      integer NOT NULL,
    blocked_until timestamptz NOT NULL,
    last_at       timestamptz NOT NULL
);
GRANT SELECT, DELETE ON login_attempts TO stratforge_engine;
-- Counts an attempt as a failure before it is made, so that many at once do not slip through together; seconds to wait, 0 if it may be made.
CREATE FUNCTION begin_login_attempt(name text, free integer, longest double precision) RETURNS double precision
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
DECLARE
    found login_attempts;
BEGIN
    INSERT INTO login_attempts (bucket, failures, blocked_until, last_at) VALUES (name, 0, '-infinity', clock_timestamp()) ON CONFLICT DO NOTHING;
    SELECT * INTO found FROM login_attempts WHERE bucket = name FOR UPDATE;
    IF found.blocked_until > clock_timestamp() THEN
        RETURN extract(epoch FROM found.blocked_until - clock_timestamp());
    END IF;
    -- After a day without a failure all is forgotten.
    found.failures := CASE WHEN found.last_at < clock_timestamp() - interval '1 day' THEN 1 ELSE found.failures + 1 END;
    UPDATE login_attempts SET failures = found.failures, last_at = clock_timestamp(),
        blocked_until = CASE WHEN found.failures >= free
            THEN clock_timestamp() + make_interval(secs => least(longest, 2 ^ least(found.failures - free, 30))) ELSE '-infinity' END
    WHERE bucket = name;
    RETURN 0;
END $$;
CREATE FUNCTION forget_login_attempts(name text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$ DELETE FROM login_attempts WHERE bucket = name $$;

-- Browsers and programs that logged in to an account before: others who guess its password do not lock them out.
CREATE TABLE known_devices (
    token_hash   bytea PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE known_devices ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON known_devices TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
CREATE POLICY all_rows ON known_devices TO stratforge_engine USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON known_devices TO stratforge_api;
GRANT UPDATE (last_seen_at) ON known_devices TO stratforge_api;
GRANT SELECT, DELETE ON known_devices TO stratforge_engine;
CREATE FUNCTION knows_device(login_email text, hash bytea) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT EXISTS (SELECT FROM known_devices d JOIN users u ON u.id = d.user_id
                         WHERE d.token_hash = hash AND u.email = lower(login_email) AND u.closed_at IS NULL) $$;

-- Whose key it is, and which one.
DROP FUNCTION find_api_key;
CREATE FUNCTION find_api_key(hash bytea) RETURNS TABLE (key_id uuid, user_id uuid, scopes text[])
    LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$
    WITH found AS (
        SELECT k.id, k.user_id, k.scopes, k.last_used_on FROM api_keys k JOIN users u ON u.id = k.user_id
        WHERE k.key_hash = hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND u.closed_at IS NULL),
    used AS (UPDATE api_keys k SET last_used_on = current_date FROM found f WHERE k.id = f.id AND f.last_used_on IS DISTINCT FROM current_date)
    SELECT f.id, f.user_id, f.scopes FROM found f
$$;
REVOKE EXECUTE ON FUNCTION find_api_key FROM public;
GRANT EXECUTE ON FUNCTION find_api_key TO stratforge_api;

-- The first answer to a request with an Idempotency-Key, given again for a day. NULL: it is being worked on since claimed_at.
ALTER TABLE idempotency_keys
    ADD COLUMN claimed_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN status     integer,
    ADD COLUMN headers    jsonb,
    ADD COLUMN body       bytea;
GRANT UPDATE (claimed_at, status, headers, body) ON idempotency_keys TO stratforge_api;
GRANT DELETE ON idempotency_keys TO stratforge_api;

REVOKE EXECUTE ON FUNCTION require_login, begin_login_attempt, forget_login_attempts, knows_device FROM public;
GRANT EXECUTE ON FUNCTION require_login, begin_login_attempt, forget_login_attempts, knows_device TO stratforge_api;
