CREATE TABLE market_data (
    symbol     text NOT NULL,
    timeframe  text NOT NULL DEFAULT '1Min',
    time       timestamptz NOT NULL,
    open       numeric NOT NULL,
    high       numeric NOT NULL,
    low        numeric NOT NULL,
    close      numeric NOT NULL,
    volume     numeric NOT NULL,
    -- How often the vendor corrected the bar after it was first published.
    correction integer NOT NULL DEFAULT 0,
    PRIMARY KEY (symbol, timeframe, time)
) PARTITION BY RANGE (time);

-- Creates the partition of a month if it is missing. Runs with the owner's rights, so that the engine may call it.
CREATE FUNCTION ensure_market_data_month(month timestamptz) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
DECLARE
    first timestamptz := date_trunc('month', month, 'UTC');
    name text := 'market_data_' || to_char(first AT TIME ZONE 'UTC', 'YYYYMM');
BEGIN
    IF to_regclass(name) IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtext(name));
        EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF market_data FOR VALUES FROM (%L) TO (%L)',
                       name, first, first + interval '1 month');
    END IF;
END
$$;

CREATE TABLE latest_prices (
    symbol     text PRIMARY KEY,
    price      numeric NOT NULL CHECK (price > 0),
    time       timestamptz NOT NULL
);
