-- no transaction
CREATE INDEX CONCURRENTLY sessions_deciding ON sessions (decides_at) WHERE universe IS NOT NULL AND status = 'RUNNING';
