-- How old the prices are that sessions run on: of a portfolio session those of all its symbols.
CREATE OR REPLACE FUNCTION operator_price_lags() RETURNS TABLE (symbol text, bar_time timestamptz, seconds double precision, sessions bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$
    SELECT w.symbol, l.bar_time, extract(epoch FROM now() - l.received_at)::double precision, count(*)
    FROM sessions s CROSS JOIN LATERAL unnest(coalesce(s.symbols, ARRAY[s.symbol])) w (symbol) LEFT JOIN latest_prices l ON l.symbol = w.symbol
    WHERE is_operator() AND s.status IN ('RUNNING', 'PAUSED')
    GROUP BY w.symbol, l.bar_time, l.received_at ORDER BY l.received_at NULLS FIRST
$$;
