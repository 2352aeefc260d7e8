-- Files of what somebody has here, made by a job.
ALTER TYPE job_kind ADD VALUE 'EXPORT';
-- Whoever makes them reads of what opens an account what its owner may see, and no secret.
GRANT SELECT (user_id, id, name, hint, scopes, created_at, expires_at, last_used_on, revoked_at) ON api_keys TO stratforge_engine;
GRANT SELECT (user_id, id, name, created_at, last_used_at) ON passkeys TO stratforge_engine;
CREATE POLICY all_rows ON passkeys FOR SELECT TO stratforge_engine USING (true);
GRANT SELECT (user_id, created_at, confirmed_at, recovery_hashes) ON two_factor TO stratforge_engine;
CREATE POLICY all_rows ON two_factor FOR SELECT TO stratforge_engine USING (true);
