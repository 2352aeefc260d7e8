-- Sessions of a symbol are spread over shards, each of which is evaluated by itself: a new one goes where the fewest are. Operators say how many a shard may have;
-- the evaluator follows, one bar after the other.
ALTER TABLE platform_state ADD COLUMN sessions_a_shard integer NOT NULL DEFAULT 500 CHECK (sessions_a_shard > 0);
GRANT SELECT (sessions_a_shard) ON platform_state TO stratforge_engine;

-- Its rights are its owner's: whoever starts a session sees his own only.
CREATE FUNCTION assign_shard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    SELECT k.shard INTO NEW.shard
    FROM (SELECT (SELECT count(*) FROM sessions WHERE symbol = NEW.symbol AND status IN ('RUNNING', 'PAUSED'))
                 / (SELECT sessions_a_shard FROM platform_state) AS last) needed
    CROSS JOIN generate_series(0, needed.last) k(shard)
    LEFT JOIN (SELECT shard, count(*) AS sessions FROM sessions WHERE symbol = NEW.symbol AND status IN ('RUNNING', 'PAUSED') GROUP BY shard) c USING (shard)
    ORDER BY coalesce(c.sessions, 0), k.shard LIMIT 1;
    RETURN NEW;
END $$;
CREATE TRIGGER sessions_sharded BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION assign_shard();
