-- Seconds since the oldest decision of a portfolio session fell due while the exchange was open.
ALTER TABLE vital_signs ADD COLUMN decision_age double precision NOT NULL DEFAULT 0;

CREATE OR REPLACE FUNCTION operator_vital_signs(since timestamptz, points integer) RETURNS SETOF vital_signs
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT max(at), max(price_silence), max(session_lag), max(signal_age), max(order_age), max(block_age), max(job_age), max(delivery_age), max(decision_age)
    FROM vital_signs WHERE is_operator() AND at >= since
    GROUP BY floor(extract(epoch FROM at - since) / (extract(epoch FROM now() - since) / points)) ORDER BY 1
$$;
