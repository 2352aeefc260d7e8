-- What users' equity was is noted every minute. After two days the last note of each quarter of an hour stays, and the last before each market day's close, which stays for ever after 93:
-- an owner sees every day of her account however old it is. How far that has come is kept, so that no pause leaves minutes behind.
CREATE TABLE equity_rolled_up (
    only_one       boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    -- Notes of before then are rolled up to quarters of an hour, and to days; none while nothing was noted.
    quarters_until timestamptz,
    days_until     timestamptz
);
-- What earlier pauses left behind is rolled up now.
INSERT INTO equity_rolled_up (quarters_until, days_until)
SELECT CASE WHEN EXISTS (SELECT FROM equity_snapshots) THEN now() - interval '93 days' END, CASE WHEN EXISTS (SELECT FROM equity_snapshots) THEN now() - interval '2 years' END;

-- When the exchange closed, as our clock showed it, from the day of one moment to the day after another; days on which it was not open end at four in the afternoon.
CREATE FUNCTION closes_between(first timestamptz, last timestamptz) RETURNS SETOF timestamptz LANGUAGE sql STABLE SET search_path = public AS $$
    SELECT DISTINCT ours_at(coalesce(m.closes_at, (g.day + interval '16 hours') AT TIME ZONE 'America/New_York'))
    FROM generate_series(date_trunc('day', market_at(first) AT TIME ZONE 'America/New_York'),
                         market_at(last) AT TIME ZONE 'America/New_York' + interval '1 day', interval '1 day') AS g (day)
    LEFT JOIN market_days m ON m.day = g.day::date
$$;

-- Rolls up what was noted in so much time at most, from where it ended last; says how many notes went, and whether there is more to do.
CREATE FUNCTION roll_up_equity(of_minutes interval, of_quarters interval, OUT gone bigint, OUT behind boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    quarters timestamptz;
    days timestamptz;
    until timestamptz;
    went bigint;
BEGIN
    gone := 0;
    behind := false;
    SELECT coalesce(quarters_until, (SELECT min(time) FROM equity_snapshots)), coalesce(days_until, quarters_until, (SELECT min(time) FROM equity_snapshots))
    INTO quarters, days FROM equity_rolled_up FOR UPDATE SKIP LOCKED;
    IF quarters IS NULL THEN
        RETURN;
    END IF;

    -- A pause is gone over at once.
    quarters := greatest(quarters, (SELECT min(time) FROM equity_snapshots WHERE time >= quarters));
    until := least(quarters + of_minutes, now() - interval '2 days');
    IF quarters < until THEN
        WITH ends AS MATERIALIZED (SELECT at FROM closes_between(quarters, until) AS closes (at))
        DELETE FROM equity_snapshots s WHERE s.time >= quarters AND s.time < until AND (
            -- One step of the index for each note, however many users there are. A quarter ends with its last minute, and with a close.
            SELECT l.time FROM equity_snapshots l WHERE l.user_id = s.user_id AND l.time > s.time
              AND l.time <= least(date_bin('15 minutes', s.time - interval '1 microsecond', 'epoch') + interval '15 minutes',
                                  (SELECT min(at) FROM ends WHERE at >= s.time)) LIMIT 1) IS NOT NULL;
        GET DIAGNOSTICS gone = ROW_COUNT;
        quarters := until;
        behind := until < now() - interval '2 days';
    END IF;

    until := least(days + of_quarters, now() - interval '93 days');
    IF days < until THEN
        WITH ends AS MATERIALIZED (SELECT at, coalesce(lag(at) OVER (ORDER BY at), '-infinity') AS before FROM closes_between(days, until) AS closes (at))
        DELETE FROM equity_snapshots s USING ends e WHERE s.time >= days AND s.time < until AND s.time > e.before AND s.time <= e.at AND (
            SELECT l.time FROM equity_snapshots l WHERE l.user_id = s.user_id AND l.time > s.time AND l.time <= e.at LIMIT 1) IS NOT NULL;
        GET DIAGNOSTICS went = ROW_COUNT;
        gone := gone + went;
        days := until;
        behind := behind OR until < now() - interval '93 days';
    END IF;
    UPDATE equity_rolled_up SET quarters_until = quarters, days_until = days;
END
$$;
REVOKE EXECUTE ON FUNCTION closes_between, roll_up_equity FROM public;
GRANT EXECUTE ON FUNCTION roll_up_equity TO stratforge_engine;
