-- Sweeps and walk-forwards that are worked on in parts, side by side: what is planned, the bars that all parts share, and what each part found.
CREATE TABLE studies (
    job_id     uuid PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    -- Of the strategy: every part runs the same.
    version    integer NOT NULL,
    points     integer NOT NULL CHECK (points > 0),
    part       integer NOT NULL CHECK (part > 0),
    -- Of one core, as planned.
    seconds    double precision NOT NULL CHECK (seconds > 0),
    bars       bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE study_parts (
    job_id      uuid NOT NULL REFERENCES studies ON DELETE CASCADE,
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    part        integer NOT NULL,
    points      integer NOT NULL,
    seconds     double precision NOT NULL,
    results     jsonb NOT NULL,
    best        jsonb NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, part)
);
CREATE INDEX studies_of_user ON studies (user_id);
ALTER TABLE studies ENABLE ROW LEVEL SECURITY;
ALTER TABLE study_parts ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON studies TO stratforge_engine USING (true) WITH CHECK (true);
CREATE POLICY all_rows ON study_parts TO stratforge_engine USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON studies TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
CREATE POLICY own_rows ON study_parts TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
GRANT SELECT, INSERT ON studies, study_parts TO stratforge_engine;
GRANT SELECT ON studies, study_parts TO stratforge_api;
