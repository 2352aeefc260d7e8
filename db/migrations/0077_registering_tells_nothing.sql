-- Where accounts open by mail, registering says the same for an address that has one: the mail says the rest.
ALTER TYPE mail_kind ADD VALUE 'REGISTERED';

-- Makes an account unless the address has one, and asks for the mail that says how to go on; for none without a site for its link.
CREATE FUNCTION register_by_mail(new_email text, new_password_hash text, starting_balance numeric, place text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
BEGIN
    PERFORM register_user(new_email, new_password_hash, starting_balance);
    INSERT INTO mails (kind, address, site, user_id)
    SELECT (CASE WHEN email_confirmed_at IS NULL THEN 'CONFIRM' ELSE 'REGISTERED' END)::mail_kind, email, place, id
    FROM users WHERE email = lower(new_email) AND place IS NOT NULL;
END $$;

DROP FUNCTION find_credentials;
CREATE FUNCTION find_credentials(login_email text) RETURNS TABLE (user_id uuid, password_hash text, confirmed boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT id, users.password_hash, email_confirmed_at IS NOT NULL FROM users WHERE email = lower(login_email) AND closed_at IS NULL $$;
DROP FUNCTION link_owner;
CREATE FUNCTION link_owner(hash bytea) RETURNS TABLE (user_id uuid, password_hash text, confirmed boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$
    SELECT u.id, u.password_hash, u.email_confirmed_at IS NOT NULL FROM mails m JOIN users u ON u.id = m.user_id
    WHERE m.token_hash = hash AND m.kind IN ('CONFIRM', 'CHANGE') AND m.used_at IS NULL AND m.expires_at > now() AND u.closed_at IS NULL
$$;

-- Whoever registered an address is not for that its owner: nobody is made an operator before the address is confirmed.
CREATE OR REPLACE FUNCTION set_operator(whose text, wanted boolean, actor_name text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$
    WITH changed AS (
        UPDATE users SET is_operator = wanted
        WHERE email = lower(whose) AND closed_at IS NULL AND (email_confirmed_at IS NOT NULL OR NOT wanted) RETURNING email),
    noted AS (
        INSERT INTO operator_actions (actor, action, subject)
        SELECT actor_name, CASE WHEN wanted THEN 'grant operator' ELSE 'revoke operator' END, email FROM changed)
    SELECT EXISTS (SELECT FROM changed)
$$;
-- Takes the word of whoever operates the platform for an address: where no mail is sent, or none arrives.
CREATE FUNCTION confirm_by_hand(whose text, actor_name text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$
    WITH changed AS (
        UPDATE users SET email_confirmed_at = coalesce(email_confirmed_at, now()) WHERE email = lower(whose) AND closed_at IS NULL RETURNING email),
    noted AS (INSERT INTO operator_actions (actor, action, subject) SELECT actor_name, 'confirm address', email FROM changed)
    SELECT EXISTS (SELECT FROM changed)
$$;
REVOKE EXECUTE ON FUNCTION register_by_mail, find_credentials, link_owner, confirm_by_hand FROM public;
GRANT EXECUTE ON FUNCTION register_by_mail, find_credentials, link_owner TO stratforge_api;
