-- no transaction
CREATE INDEX CONCURRENTLY equity_snapshots_by_time ON equity_snapshots (time);
