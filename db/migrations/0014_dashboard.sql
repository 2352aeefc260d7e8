-- What people look at: whether a session's replay gives what it did live, and how many sessions and bars were looked at.
ALTER TYPE job_kind ADD VALUE 'REPLAY';
ALTER TABLE sessions
    ADD COLUMN replayed_at        timestamptz,
    ADD COLUMN replayed_bars      integer,
    -- Bars on which the replay said something else; none are expected.
    ADD COLUMN replay_differences jsonb;

CREATE FUNCTION operator_price_lags() RETURNS TABLE (symbol text, bar_time timestamptz, seconds double precision, sessions bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$
    SELECT s.symbol, l.bar_time, extract(epoch FROM now() - l.received_at)::double precision, count(*)
    FROM sessions s LEFT JOIN latest_prices l ON l.symbol = s.symbol
    WHERE is_operator() AND s.status IN ('RUNNING', 'PAUSED')
    GROUP BY s.symbol, l.bar_time, l.received_at ORDER BY l.received_at NULLS FIRST
$$;
REVOKE EXECUTE ON FUNCTION operator_price_lags FROM public;
GRANT EXECUTE ON FUNCTION operator_price_lags TO stratforge_api;
