-- Bars of months that are over for long leave the table for files in S3; this says where each symbol's are.
CREATE TABLE archived_bars (
    symbol      text NOT NULL,
    -- Bars from then (included) to then (excluded): a month, or a part of one where a name changed hands within it.
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    -- The file, how many bars are in it, and the SHA-256 of its bytes, by which whoever reads it knows that it is whole; none while nothing was stored.
    object_key  text,
    rows        integer,
    sha256      text,
    -- Nobody has written a bar of the symbol and month since it was claimed for the archive; and what was there then was stored and read back.
    fresh       boolean NOT NULL DEFAULT true,
    stored      boolean NOT NULL DEFAULT false,
    -- The month's partition is gone: the file is the only place where these bars are.
    only_here   boolean NOT NULL DEFAULT false,
    -- The vendor's history was asked for whatever was missing in it, and answered.
    complete    boolean NOT NULL DEFAULT false,
    archived_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (symbol, starts_at),
    CHECK (starts_at < ends_at),
    CHECK (object_key IS NOT NULL AND rows > 0 AND sha256 IS NOT NULL OR NOT stored AND NOT only_here)
);
GRANT SELECT ON archived_bars TO stratforge_api, stratforge_engine;
GRANT INSERT, UPDATE ON archived_bars TO stratforge_engine;

-- What a share cost last before an action took effect, noted when the bars that say so go to the archive.
ALTER TABLE corporate_actions ADD COLUMN close_before numeric;

-- The beginnings of the months that have a partition, oldest first.
CREATE FUNCTION months_of_bars() RETURNS SETOF timestamptz LANGUAGE sql STABLE SET search_path = public AS $$
    SELECT make_timestamptz(substr(c.relname, 13, 4)::int, substr(c.relname, 17, 2)::int, 1, 0, 0, 0, 'UTC') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'market_data'::regclass AND c.relname ~ '^market_data_[0-9]{6}$' ORDER BY 1
$$;

-- The symbols of a month, found by one step of the index each.
CREATE FUNCTION symbols_of_month(first timestamptz) RETURNS SETOF text LANGUAGE plpgsql STABLE SET search_path = public AS $$
DECLARE
    partition text := 'market_data_' || to_char(first AT TIME ZONE 'UTC', 'YYYYMM');
    found text;
BEGIN
    EXECUTE format('SELECT min(symbol) FROM %I', partition) INTO found;
    WHILE found IS NOT NULL LOOP
        RETURN NEXT found;
        EXECUTE format('SELECT min(symbol) FROM %I WHERE symbol > $1', partition) INTO found USING found;
    END LOOP;
END
$$;

CREATE FUNCTION note_written_bar() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE archived_bars SET fresh = false WHERE symbol = OLD.symbol AND starts_at <= OLD.time AND OLD.time < ends_at AND fresh;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        UPDATE archived_bars SET fresh = false WHERE symbol = NEW.symbol AND starts_at <= NEW.time AND NEW.time < ends_at AND fresh;
    END IF;
    RETURN NULL;
END
$$;

-- Claims a month for the archive: of each symbol in it what is there from now on is stored, and whoever writes to it afterwards is noted.
-- False while somebody writes to it.
CREATE FUNCTION claim_month_of_bars(month timestamptz) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public SET lock_timeout = '2s' AS $$
DECLARE
    first timestamptz := date_trunc('month', month, 'UTC');
    partition text := 'market_data_' || to_char(first AT TIME ZONE 'UTC', 'YYYYMM');
BEGIN
    IF to_regclass(partition) IS NULL THEN
        RETURN false;
    END IF;
    -- Whoever is writing has ended after this, and whoever writes later meets the trigger.
    EXECUTE format('LOCK TABLE ONLY %I IN SHARE ROW EXCLUSIVE MODE', partition);
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = partition::regclass AND tgname = 'written_bars') THEN
        EXECUTE format('CREATE TRIGGER written_bars AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION note_written_bar()', partition);
    END IF;
    UPDATE archived_bars a SET fresh = true, stored = false
    WHERE a.starts_at >= first AND a.starts_at < first + interval '1 month' AND (NOT a.fresh OR a.only_here AND a.stored)
      AND a.symbol IN (SELECT symbols_of_month(first));
    INSERT INTO archived_bars (symbol, starts_at, ends_at)
    SELECT s, first, first + interval '1 month' FROM symbols_of_month(first) s
    WHERE NOT EXISTS (SELECT FROM archived_bars a WHERE a.symbol = s AND a.starts_at < first + interval '1 month' AND a.ends_at > first);
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END
$$;

-- Drops the partition of a month whose every bar is in the archive; false while one is not, or while somebody holds the table.
CREATE FUNCTION drop_archived_month_of_bars(month timestamptz) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public SET lock_timeout = '2s' AS $$
DECLARE
    first timestamptz := date_trunc('month', month, 'UTC');
    after timestamptz := first + interval '1 month';
    partition text := 'market_data_' || to_char(first AT TIME ZONE 'UTC', 'YYYYMM');
BEGIN
    IF to_regclass(partition) IS NULL THEN
        RETURN false;
    END IF;
    -- First of all the table, as whoever reads or writes it does: nobody can wait for us who holds what we wait for.
    LOCK TABLE market_data IN ACCESS EXCLUSIVE MODE;
    -- Every symbol's bars, from the first to the last, lie in what was stored, and nothing else is there.
    IF EXISTS (
        SELECT FROM symbols_of_month(first) s
        CROSS JOIN LATERAL (SELECT min(time) AS begins, max(time) + interval '1 microsecond' AS ends FROM market_data m
                            WHERE m.symbol = s AND m.timeframe = '1Min' AND m.time >= first AND m.time < after) b
        WHERE b.begins IS NULL
           OR EXISTS (SELECT FROM market_data m WHERE m.symbol = s AND m.timeframe < '1Min' AND m.time >= first AND m.time < after)
           OR EXISTS (SELECT FROM market_data m WHERE m.symbol = s AND m.timeframe > '1Min' AND m.time >= first AND m.time < after)
           OR (SELECT coalesce(sum(least(a.ends_at, b.ends) - greatest(a.starts_at, b.begins)), interval '0') FROM archived_bars a
               WHERE a.symbol = s AND a.fresh AND a.stored AND a.starts_at < b.ends AND a.ends_at > b.begins) <> b.ends - b.begins) THEN
        RETURN false;
    END IF;
    UPDATE corporate_actions c SET close_before = m.close
    FROM (SELECT a.id, (SELECT b.time FROM market_data b WHERE b.symbol = a.symbol AND b.timeframe = '1Min'
                        AND b.time < (a.effective_on::timestamp AT TIME ZONE 'America/New_York') ORDER BY b.time DESC LIMIT 1) AS time
          FROM corporate_actions a WHERE a.close_before IS NULL
            AND (a.effective_on::timestamp AT TIME ZONE 'America/New_York') > first) last
    JOIN market_data m ON m.time = last.time AND m.timeframe = '1Min'
    WHERE c.id = last.id AND m.symbol = c.symbol AND last.time >= first AND last.time < after;
    UPDATE archived_bars SET only_here = true WHERE starts_at >= first AND ends_at <= after AND stored;
    EXECUTE format('DROP TABLE %I', partition);
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END
$$;
REVOKE EXECUTE ON FUNCTION claim_month_of_bars, drop_archived_month_of_bars, note_written_bar FROM public;
GRANT EXECUTE ON FUNCTION claim_month_of_bars, drop_archived_month_of_bars TO stratforge_engine;
