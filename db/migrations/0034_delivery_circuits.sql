-- Each webhook has a queue of its own with a circuit breaker, and live updates go out in shards of users: nobody's slowness is anybody else's.
ALTER TABLE webhooks
    -- After failures in a row nothing is sent before this; then one delivery by itself, the probe, decides.
    ADD COLUMN retry_at     timestamptz,
    ADD COLUMN last_error   text,
    -- Somebody delivers for it until then; whoever died with it has lost it by then.
    ADD COLUMN leased_until timestamptz;
GRANT UPDATE (retry_at, last_error) ON webhooks TO stratforge_api;
CREATE INDEX webhooks_leased ON webhooks (user_id) WHERE leased_until IS NOT NULL;
DROP INDEX webhook_deliveries_due;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, id) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_age ON webhook_deliveries (created_at);

ALTER TABLE live_connections
    -- Messages in a row that did not arrive, and when the next is tried.
    ADD COLUMN slow       integer NOT NULL DEFAULT 0,
    ADD COLUMN told_after timestamptz NOT NULL DEFAULT '-infinity';
-- In which of the shards of live updates a user is: of as many as a byte's lowest three bits tell apart.
CREATE FUNCTION realtime_shard(who uuid) RETURNS integer
    LANGUAGE sql IMMUTABLE AS $$ SELECT hashtext(who::text) & 7 $$;
