-- Roles. The migrator owns the schema; the API's role sees the rows of one user at a time, the engine's role all of them.
-- Passwords are set by the migrator from the secrets of the stage, never here.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'stratforge_api') THEN
        CREATE ROLE stratforge_api LOGIN NOINHERIT;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'stratforge_engine') THEN
        CREATE ROLE stratforge_engine LOGIN NOINHERIT;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA public TO stratforge_api, stratforge_engine;

-- The user on whose behalf the API's transaction runs; NULL when nobody is set, which matches no row.
CREATE FUNCTION app_user_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('app.user_id', true), '')::uuid $$;
