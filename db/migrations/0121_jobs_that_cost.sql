-- no transaction
-- Jobs that a language model worked on, by their day: what operators see of them.
CREATE INDEX CONCURRENTLY jobs_that_cost ON jobs (created_at) WHERE calls > 0;
