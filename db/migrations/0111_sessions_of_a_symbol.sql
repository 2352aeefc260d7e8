-- How many sessions one symbol takes: all of them are evaluated between two of its bars. Those that are paused count, those of portfolios do not, which no bar evaluates.
ALTER TABLE platform_state ADD COLUMN sessions_a_symbol integer NOT NULL DEFAULT 10000 CHECK (sessions_a_symbol > 0);

-- The number of sessions that a symbol takes, where it has as many; NULL where there is room for one more. Whoever asks for the same symbol waits until this transaction
-- ends, so two do not both find the last place.
CREATE FUNCTION symbol_is_full(wanted text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    most integer := (SELECT sessions_a_symbol FROM platform_state);
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('sessions of symbol'), hashtext(wanted));
    IF (SELECT count(*) FROM (SELECT FROM sessions WHERE symbol = wanted AND status IN ('PENDING', 'RUNNING', 'PAUSED') LIMIT most) live) < most THEN
        RETURN NULL;
    END IF;
    RETURN most;
END
$$;
REVOKE EXECUTE ON FUNCTION symbol_is_full FROM public;
GRANT EXECUTE ON FUNCTION symbol_is_full TO stratforge_api;
