-- The market's clock may run at another speed than ours, as that of a replayed market does; and what we noted by ours has a time of the market.
ALTER TABLE market_clock
    ADD COLUMN speed        double precision NOT NULL DEFAULT 1 CHECK (speed >= 0),
    -- Whether the market can be told to run at another speed, and the one that an operator asked for.
    ADD COLUMN replayed     boolean NOT NULL DEFAULT false,
    ADD COLUMN wanted_speed double precision CHECK (wanted_speed BETWEEN 0 AND 3600);

-- Since when by our clock it was what time at the exchange, and how fast that went on: one line where the clocks agree, one for every jump of a replay.
CREATE TABLE market_clock_course (
    began_at    timestamptz PRIMARY KEY,
    market_time timestamptz NOT NULL,
    speed       double precision NOT NULL
);
CREATE INDEX market_clock_course_by_market ON market_clock_course (market_time);
GRANT SELECT ON market_clock_course TO stratforge_api, stratforge_engine;
GRANT INSERT ON market_clock_course TO stratforge_engine;

-- The market's time at a time of ours; ours where its clock was not read before.
CREATE FUNCTION market_at(ours timestamptz) RETURNS timestamptz LANGUAGE sql STABLE SET search_path = public AS $$
    SELECT coalesce((SELECT market_time + (ours - began_at) * speed FROM market_clock_course
                     WHERE began_at <= ours ORDER BY began_at DESC LIMIT 1), ours) $$;

-- Our time when it first was that time of the market, or when a night was skipped that it lies in; the same where the clock was not read before.
CREATE FUNCTION ours_at(at_market timestamptz) RETURNS timestamptz LANGUAGE sql STABLE SET search_path = public AS $$
    SELECT coalesce((
        SELECT least(c.began_at + (at_market - c.market_time) / greatest(c.speed, 0.001),
                     (SELECT min(n.began_at) FROM market_clock_course n WHERE n.began_at > c.began_at))
        FROM market_clock_course c WHERE c.market_time <= at_market ORDER BY c.market_time DESC, c.began_at DESC LIMIT 1), at_market) $$;

CREATE FUNCTION operator_set_market_speed(wanted double precision) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    UPDATE market_clock SET wanted_speed = wanted WHERE is_operator() AND replayed;
    RETURN FOUND AND note_operator_action('speed of the market', wanted::text, '');
END $$;
REVOKE EXECUTE ON FUNCTION operator_set_market_speed FROM public;
GRANT EXECUTE ON FUNCTION operator_set_market_speed TO stratforge_api;
