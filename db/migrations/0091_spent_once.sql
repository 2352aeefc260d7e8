-- Whose code it is: he is held before it is spent, so that it is spent and its login begun in one transaction, and who comes second meets the login.
CREATE FUNCTION owner_of_authorization_code(hash bytea) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$
    SELECT user_id FROM authorization_codes WHERE code_hash = hash
$$;
REVOKE EXECUTE ON FUNCTION owner_of_authorization_code FROM public;
GRANT EXECUTE ON FUNCTION owner_of_authorization_code TO stratforge_api;

-- When the last challenge was made at which a passkey was added, in microseconds: one proof adds one.
ALTER TABLE logins ADD COLUMN last_challenge bigint NOT NULL DEFAULT 0;
GRANT UPDATE (last_challenge) ON logins TO stratforge_api;
