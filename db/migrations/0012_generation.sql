-- What a version cost and what was said about it on the way; and the model's tokens of every job.
ALTER TABLE strategy_versions
    ADD COLUMN assumptions jsonb NOT NULL DEFAULT '[]',
    -- Findings that were sent back to the model, one list for each repair.
    ADD COLUMN repairs     jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN tokens      integer NOT NULL DEFAULT 0 CHECK (tokens >= 0);
ALTER TABLE jobs ADD COLUMN tokens integer NOT NULL DEFAULT 0 CHECK (tokens >= 0);
-- The assistant changes strategies on behalf of their owners.
GRANT UPDATE (name, symbol, version, python_code, logic_explanation, updated_at) ON strategies TO stratforge_engine;
