-- no transaction
CREATE INDEX CONCURRENTLY jobs_queued ON jobs (created_at) WHERE status = 'QUEUED';
