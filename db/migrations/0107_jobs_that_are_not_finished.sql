-- no transaction
CREATE INDEX CONCURRENTLY jobs_unfinished ON jobs (woken_at) WHERE finished_at IS NULL;
