-- Takes a token from a bucket that refills, and says how many are left; when it is empty, less than zero: the seconds until there is one again.
CREATE FUNCTION spend_token(name text, capacity double precision, per_second double precision) RETURNS double precision
    LANGUAGE sql SECURITY DEFINER SET search_path = public
    AS $$
    WITH taken AS (
        INSERT INTO rate_limits AS r (bucket, tokens, updated_at) VALUES (name, capacity - 1, clock_timestamp())
        ON CONFLICT (bucket) DO UPDATE SET
            tokens = least(capacity, r.tokens + extract(epoch FROM clock_timestamp() - r.updated_at) * per_second) - 1,
            updated_at = clock_timestamp()
        WHERE least(capacity, r.tokens + extract(epoch FROM clock_timestamp() - r.updated_at) * per_second) >= 1
        RETURNING r.tokens)
    SELECT coalesce((SELECT tokens FROM taken),
                    (SELECT least((tokens - 1) / per_second + extract(epoch FROM clock_timestamp() - updated_at), -0.001) FROM rate_limits WHERE bucket = name),
                    -1)
$$;
REVOKE EXECUTE ON FUNCTION spend_token FROM public;
GRANT EXECUTE ON FUNCTION spend_token TO stratforge_api;
