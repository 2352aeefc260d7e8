CREATE TYPE job_kind AS ENUM ('RESEARCH', 'GENERATE', 'BACKTEST');
CREATE TYPE job_status AS ENUM ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED');

CREATE TABLE jobs (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    kind        job_kind NOT NULL,
    status      job_status NOT NULL DEFAULT 'QUEUED',
    request     jsonb NOT NULL,
    progress    text,
    result      jsonb,
    error       jsonb,
    attempts    integer NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    started_at  timestamptz,
    finished_at timestamptz
);
CREATE INDEX jobs_of_user ON jobs (user_id, created_at DESC, id);

CREATE TABLE backtests (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    job_id           uuid UNIQUE REFERENCES jobs ON DELETE SET NULL,
    user_id          uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    strategy_id      uuid NOT NULL,
    strategy_version integer NOT NULL,
    symbol           text NOT NULL,
    config           jsonb NOT NULL,
    metrics          jsonb NOT NULL,
    report           jsonb NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (strategy_id, strategy_version) REFERENCES strategy_versions ON DELETE CASCADE
);
CREATE INDEX backtests_of_user ON backtests (user_id, created_at DESC, id);
