-- Of what users' equity was every minute, one in fifteen stays after two days: a user's month is 5,600 rows and not 43,200.
CREATE INDEX equity_snapshots_time ON equity_snapshots USING brin (time) WITH (pages_per_range = 32);

CREATE FUNCTION thin_equity_snapshots() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    WITH gone AS (
        DELETE FROM equity_snapshots WHERE time < now() - interval '2 days' AND time >= now() - interval '2 days 6 hours'
          AND extract(minute FROM time)::int % 15 <> 0 RETURNING 1)
    SELECT count(*) FROM gone
$$;
REVOKE EXECUTE ON FUNCTION thin_equity_snapshots FROM public;
GRANT EXECUTE ON FUNCTION thin_equity_snapshots TO stratforge_engine;
