-- no transaction
-- When an order ends, ended sessions of its symbol are looked for that hold something again: found here, and not among all sessions there are.
CREATE INDEX CONCURRENTLY sessions_flattened ON sessions (symbol) WHERE flatten_requested_at IS NOT NULL AND NOT settling;
