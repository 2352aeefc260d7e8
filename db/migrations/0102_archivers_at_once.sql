-- Two archivers at once, bars that come again to a month of the archive, and tables of thousands of symbols.

-- What is stored is noted only while nothing else was: each change of what a row says of its bars gives it another number.
CREATE SEQUENCE archived_bars_editions;
GRANT USAGE ON SEQUENCE archived_bars_editions TO stratforge_engine;
ALTER TABLE archived_bars
    ADD COLUMN edition bigint NOT NULL DEFAULT nextval('archived_bars_editions'),
    -- The vendor's history of it was value for value what is here, and nothing was written since.
    ADD COLUMN same boolean NOT NULL DEFAULT false;
CREATE INDEX archived_bars_months ON archived_bars (starts_at);
-- From now on `stored` is said of bars that are in the table: it ends when their partition is dropped.
UPDATE archived_bars SET stored = false WHERE only_here;

-- Notes that a bar of a symbol and time was written; where it is there, a time that no row has yet gets one.
CREATE FUNCTION note_written(written text, at timestamptz, there boolean) RETURNS void LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    first timestamptz := date_trunc('month', at, 'UTC');
    after timestamptz := first + interval '1 month';
BEGIN
    UPDATE archived_bars SET fresh = false, same = false, edition = nextval('archived_bars_editions')
    WHERE symbol = written AND starts_at <= at AND at < ends_at AND (fresh OR same);
    IF there AND NOT FOUND AND NOT EXISTS (SELECT FROM archived_bars WHERE symbol = written AND starts_at <= at AND at < ends_at) THEN
        INSERT INTO archived_bars (symbol, starts_at, ends_at, fresh)
        SELECT written, coalesce(max(ends_at) FILTER (WHERE ends_at <= at), first), coalesce(min(starts_at) FILTER (WHERE starts_at > at), after), false
        FROM archived_bars WHERE symbol = written AND starts_at >= first AND starts_at < after
        ON CONFLICT DO NOTHING;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION note_written_bar() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM note_written(OLD.symbol, OLD.time, false);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM note_written(NEW.symbol, NEW.time, true);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION claim_month_of_bars(month timestamptz) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public SET lock_timeout = '2s' AS $$
DECLARE
    first timestamptz := date_trunc('month', month, 'UTC');
    after timestamptz := first + interval '1 month';
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
    WHERE a.starts_at >= first AND a.starts_at < after AND NOT a.fresh AND a.symbol IN (SELECT symbols_of_month(first));
    INSERT INTO archived_bars (symbol, starts_at, ends_at)
    SELECT s, first, after FROM symbols_of_month(first) s
    WHERE NOT EXISTS (SELECT FROM archived_bars a WHERE a.symbol = s AND a.starts_at < after AND a.ends_at > first);
    -- Of a month in which a name changed hands, the part that no row has yet.
    INSERT INTO archived_bars (symbol, starts_at, ends_at)
    SELECT gap.symbol, gap.begins, gap.ends FROM (
        SELECT symbol, coalesce(lag(ends_at) OVER names, first) AS begins, starts_at AS ends FROM archived_bars
        WHERE starts_at >= first AND starts_at < after WINDOW names AS (PARTITION BY symbol ORDER BY starts_at)
        UNION ALL
        SELECT symbol, max(ends_at), after FROM archived_bars WHERE starts_at >= first AND starts_at < after GROUP BY symbol) gap
    WHERE gap.begins < gap.ends
      AND EXISTS (SELECT FROM market_data m WHERE m.symbol = gap.symbol AND m.timeframe = '1Min' AND m.time >= gap.begins AND m.time < gap.ends);
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END
$$;

-- The parts of a claimed month that are in the table and not stored.
CREATE FUNCTION bars_to_store(month timestamptz) RETURNS SETOF archived_bars LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT a.* FROM archived_bars a
    WHERE a.starts_at >= month AND a.starts_at < month + interval '1 month' AND a.fresh AND NOT a.stored AND a.symbol IN (SELECT symbols_of_month(month))
    ORDER BY a.symbol, a.starts_at
$$;

-- What changes whenever something is written to a claimed month, or noted of it, or of corporate actions.
CREATE FUNCTION edition_of_month(first timestamptz) RETURNS text LANGUAGE sql STABLE SET search_path = public AS $$
    SELECT concat_ws('/', count(*), sum(edition), count(*) FILTER (WHERE fresh), count(*) FILTER (WHERE stored),
                     (SELECT count(*) FROM corporate_actions WHERE close_before IS NULL))
    FROM archived_bars WHERE starts_at >= first AND starts_at < first + interval '1 month'
$$;

CREATE OR REPLACE FUNCTION drop_archived_month_of_bars(month timestamptz) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public SET lock_timeout = '2s' AS $$
DECLARE
    first timestamptz := date_trunc('month', month, 'UTC');
    after timestamptz := first + interval '1 month';
    partition text := 'market_data_' || to_char(first AT TIME ZONE 'UTC', 'YYYYMM');
    seen text;
    actions text[];
    closes numeric[];
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass(partition) AND tgname = 'written_bars') THEN
        RETURN false;
    END IF;
    -- All that takes long happens while everybody reads and writes on; what changes meanwhile is seen by the edition.
    seen := edition_of_month(first);
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
    SELECT array_agg(last.id), array_agg(m.close) INTO actions, closes
    FROM (SELECT a.id, a.symbol, (SELECT b.time FROM market_data b WHERE b.symbol = a.symbol AND b.timeframe = '1Min'
                                  AND b.time < (a.effective_on::timestamp AT TIME ZONE 'America/New_York') ORDER BY b.time DESC LIMIT 1) AS time
          FROM corporate_actions a WHERE a.close_before IS NULL
            AND (a.effective_on::timestamp AT TIME ZONE 'America/New_York') > first) last
    JOIN market_data m ON m.symbol = last.symbol AND m.timeframe = '1Min' AND m.time = last.time
    WHERE last.time >= first AND last.time < after;
    -- First of all the table, as whoever reads or writes it does.
    LOCK TABLE market_data IN ACCESS EXCLUSIVE MODE;
    IF to_regclass(partition) IS NULL OR edition_of_month(first) IS DISTINCT FROM seen THEN
        RETURN false;
    END IF;
    UPDATE corporate_actions c SET close_before = said.close FROM unnest(actions, closes) AS said (id, close) WHERE c.id = said.id;
    UPDATE archived_bars SET only_here = true, stored = false WHERE starts_at >= first AND starts_at < after AND stored AND fresh;
    EXECUTE format('DROP TABLE %I', partition);
    RETURN true;
EXCEPTION WHEN lock_not_available OR deadlock_detected OR undefined_table THEN
    RETURN false;
END
$$;
REVOKE EXECUTE ON FUNCTION note_written, bars_to_store FROM public;
GRANT EXECUTE ON FUNCTION bars_to_store TO stratforge_engine;
