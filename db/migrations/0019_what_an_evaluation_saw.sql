-- What is needed to show a replay exactly the bars that a live session was evaluated on: after splits, missed bars and late history too.

-- A bar that came from history after others were evaluated: the last of those (NULL: it was stored before any later bar), and the
-- market's time at which it was read: its prices are adjusted for the splits until then (NULL: a live bar, as it was traded).
ALTER TABLE market_data ADD COLUMN after_bar timestamptz, ADD COLUMN adjusted_at timestamptz;

-- The last bar that was evaluated before the windows of the bars after it were brought to the split's scale.
ALTER TABLE corporate_actions ADD COLUMN after_bar timestamptz;

-- Bars that a session was not evaluated on: those between the two.
CREATE TABLE session_gaps (
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    after_bar  timestamptz NOT NULL,
    before_bar timestamptz NOT NULL,
    PRIMARY KEY (session_id, before_bar)
);
ALTER TABLE session_gaps ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON session_gaps TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
CREATE POLICY all_rows ON session_gaps TO stratforge_engine USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON session_gaps TO stratforge_engine;
GRANT SELECT ON session_gaps TO stratforge_api;
