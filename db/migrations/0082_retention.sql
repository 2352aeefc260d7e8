-- What the minute's task forgets, table by table in turn (layers/stratforge/storage/retention.py says how long each is kept).
GRANT SELECT, DELETE ON signals, position_views, session_gaps, jobs, logins, refresh_tokens, reconciliations TO stratforge_engine;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX account_events_age ON account_events USING brin (at) WITH (pages_per_range = 32);
CREATE INDEX reconciliations_age ON reconciliations USING brin (started_at) WITH (pages_per_range = 32);
CREATE INDEX jobs_age ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX logins_age ON logins (last_seen_at);
CREATE INDEX refresh_tokens_age ON refresh_tokens (expires_at);

-- After 93 days one note a day stays: of those that are left by then, the last before the exchange closes.
CREATE OR REPLACE FUNCTION thin_equity_snapshots() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    WITH gone AS (
        DELETE FROM equity_snapshots WHERE time < now() - interval '2 days' AND time >= now() - interval '2 days 6 hours'
          AND extract(minute FROM time)::int % 15 <> 0 RETURNING 1),
    long_gone AS (
        DELETE FROM equity_snapshots WHERE time < now() - interval '93 days' AND time >= now() - interval '94 days 6 hours'
          AND (time AT TIME ZONE 'America/New_York')::time NOT BETWEEN '15:45' AND '15:59:59' RETURNING 1)
    SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM long_gone)
$$;
