-- Each role gets a second user with its rights, so that a password is changed without throwing anybody out: the two take turns.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['stratforge_api', 'stratforge_engine'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name || '_b') THEN
            EXECUTE format('CREATE ROLE %I LOGIN INHERIT', role_name || '_b');
        END IF;
        EXECUTE format('GRANT %I TO %I', role_name, role_name || '_b');
    END LOOP;
END
$$;

-- What operators did, and who made them: kept for good, and nobody but the owner of the schema can change a line.
CREATE TABLE operator_actions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    -- An operator of the platform, or whoever acts from outside of it, such as an identity at AWS.
    user_id uuid REFERENCES users,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT ''
);
ALTER TABLE operator_actions ENABLE ROW LEVEL SECURITY;

-- Notes what the transaction's user does; for nobody but an operator is there anything to note.
CREATE FUNCTION note_operator_action(what text, about text, why text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$
    WITH noted AS (
        INSERT INTO operator_actions (user_id, actor, action, subject, reason)
        SELECT u.id, u.email, what, left(about, 200), left(why, 300) FROM users u WHERE u.id = app_user_id() AND is_operator() RETURNING 1)
    SELECT EXISTS (SELECT FROM noted)
$$;
CREATE FUNCTION set_operator(whose text, wanted boolean, actor_name text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$
    WITH changed AS (
        UPDATE users SET is_operator = wanted WHERE email = lower(whose) AND closed_at IS NULL RETURNING email),
    noted AS (
        INSERT INTO operator_actions (actor, action, subject)
        SELECT actor_name, CASE WHEN wanted THEN 'grant operator' ELSE 'revoke operator' END, email FROM changed)
    SELECT EXISTS (SELECT FROM changed)
$$;
CREATE FUNCTION operator_audit(how_many integer) RETURNS TABLE (id bigint, at timestamptz, actor text, action text, subject text, reason text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$
    SELECT a.id, a.at, a.actor, a.action, a.subject, a.reason FROM operator_actions a
    WHERE is_operator() ORDER BY a.id DESC LIMIT least(how_many, 200)
$$;

-- The switches, as before, and each with a line in the audit.
CREATE OR REPLACE FUNCTION operator_set_state(state trading_state, why text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
BEGIN
    UPDATE platform_state SET trading_state = state, reason = why, changed_at = now() WHERE is_operator();
    RETURN FOUND AND note_operator_action('platform ' || lower(state::text), '', why);
END
$$;
CREATE OR REPLACE FUNCTION operator_halt_symbol(halted text, why text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
BEGIN
    INSERT INTO symbol_halts (symbol, reason, details) SELECT halted, 'OPERATOR', why WHERE is_operator()
    ON CONFLICT (symbol) DO UPDATE SET details = excluded.details;
    RETURN FOUND AND note_operator_action('halt symbol', halted, why);
END
$$;
CREATE OR REPLACE FUNCTION operator_resume_symbol(resumed text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
BEGIN
    DELETE FROM symbol_halts WHERE symbol = resumed AND is_operator();
    RETURN FOUND AND note_operator_action('resume symbol', resumed, '');
END
$$;
REVOKE EXECUTE ON FUNCTION note_operator_action, set_operator, operator_audit FROM public;
GRANT EXECUTE ON FUNCTION note_operator_action, operator_audit TO stratforge_api;
