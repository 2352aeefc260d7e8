-- Strategies on shorter bars see the exchange's days too (bars.resample("1d")): how many their sessions look back on, and the edition in which a session saw them last, so
-- that a change of it is recorded and not every bar.
ALTER TABLE strategy_versions ADD COLUMN day_lookback integer NOT NULL DEFAULT 0 CHECK (day_lookback >= 0);
COMMENT ON COLUMN strategy_versions.day_lookback IS 'Days of the exchange that a session on shorter bars needs beside its bars; 0 where it reads none.';
GRANT UPDATE (day_lookback) ON strategy_versions TO stratforge_engine;
ALTER TABLE sessions ADD COLUMN seen_day_edition integer;
COMMENT ON COLUMN position_views.day_edition IS 'The edition of its symbol''s days that a session saw from this bar on.';
