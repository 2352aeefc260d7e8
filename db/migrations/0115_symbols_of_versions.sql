-- A version says what it trades: going back to it brings its symbol back too. Null where a version was written by code from before: then it is the strategy's.
ALTER TABLE strategy_versions ADD COLUMN symbol text;
UPDATE strategy_versions v SET symbol = s.symbol FROM strategies s WHERE s.id = v.strategy_id;
