-- no transaction
DROP INDEX CONCURRENTLY equity_snapshots_time;
