-- A session is shown no bar that was stored before it began, however late that comes to its evaluation: the last of them.
ALTER TABLE sessions ADD COLUMN after_bar timestamptz;

CREATE OR REPLACE FUNCTION assign_shard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    SELECT k.shard INTO NEW.shard
    FROM (SELECT (SELECT count(*) FROM sessions WHERE symbol = NEW.symbol AND status IN ('RUNNING', 'PAUSED'))
                 / (SELECT sessions_a_shard FROM platform_state) AS last) needed
    CROSS JOIN generate_series(0, needed.last) k(shard)
    LEFT JOIN (SELECT shard, count(*) AS sessions FROM sessions WHERE symbol = NEW.symbol AND status IN ('RUNNING', 'PAUSED') GROUP BY shard) c USING (shard)
    ORDER BY coalesce(c.sessions, 0), k.shard LIMIT 1;
    NEW.after_bar := (SELECT max(time) FROM market_data WHERE symbol = NEW.symbol AND timeframe = '1Min');
    RETURN NEW;
END $$;

-- Read, written and called no more by the release before.
DROP TABLE statement_orders;
DROP FUNCTION take_token;
