-- A client that never got the reply to its refresh may ask once more; this says that it did.
ALTER TABLE refresh_tokens ADD COLUMN forgiven_at timestamptz;
GRANT UPDATE (forgiven_at) ON refresh_tokens TO stratforge_api;

-- As before, but who waited for others reads what they left, not what there was when he began to wait: each statement has its own snapshot.
CREATE OR REPLACE FUNCTION spend_token(name text, capacity double precision, per_second double precision) RETURNS double precision
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
DECLARE
    remaining double precision;
BEGIN
    INSERT INTO rate_limits AS r (bucket, tokens, updated_at) VALUES (name, capacity - 1, clock_timestamp())
    ON CONFLICT (bucket) DO UPDATE SET
        tokens = least(capacity, r.tokens + extract(epoch FROM clock_timestamp() - r.updated_at) * per_second) - 1,
        updated_at = clock_timestamp()
    WHERE least(capacity, r.tokens + extract(epoch FROM clock_timestamp() - r.updated_at) * per_second) >= 1
    RETURNING r.tokens INTO remaining;
    IF NOT FOUND THEN
        SELECT least((tokens - 1) / per_second + extract(epoch FROM clock_timestamp() - updated_at), -0.001) INTO remaining
        FROM rate_limits WHERE bucket = name;
    END IF;
    RETURN coalesce(remaining, -1);
END
$$;
