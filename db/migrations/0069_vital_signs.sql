-- How the platform did, minute by minute: what an operator looks at to see since when something is wrong, and what was first.
CREATE TABLE vital_signs (
    at              timestamptz PRIMARY KEY DEFAULT now(),
    -- Seconds since the price that is the oldest of those that sessions run on; NULL while the exchange is closed.
    price_silence   double precision,
    -- Minutes of the market by which the session that is farthest behind its symbol's last bar lags.
    session_lag     double precision NOT NULL,
    -- Seconds that the oldest of what waits has waited: signals and orders that nobody has decided on, blocks at the broker, jobs, deliveries that are due.
    signal_age      double precision NOT NULL,
    order_age       double precision NOT NULL,
    block_age       double precision NOT NULL,
    job_age         double precision NOT NULL,
    delivery_age    double precision NOT NULL
);
GRANT SELECT, INSERT, DELETE ON vital_signs TO stratforge_engine;

-- Of each of at most so many equal stretches of time since then the worst of everything, the oldest first.
CREATE FUNCTION operator_vital_signs(since timestamptz, points integer) RETURNS SETOF vital_signs
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT max(at), max(price_silence), max(session_lag), max(signal_age), max(order_age), max(block_age), max(job_age), max(delivery_age)
    FROM vital_signs WHERE is_operator() AND at >= since
    GROUP BY floor(extract(epoch FROM at - since) / (extract(epoch FROM now() - since) / points)) ORDER BY 1
$$;
REVOKE EXECUTE ON FUNCTION operator_vital_signs FROM public;
GRANT EXECUTE ON FUNCTION operator_vital_signs TO stratforge_api;
