-- What people look at: whether a session's replay gives what it did live, and how many sessions and bars were looked at.
ALTER TYPE job_kind ADD VALUE 'REPLAY';
ALTER TABLE sessions
    ADD COLUMN replayed_at        timestamptz,
    ADD COLUMN replayed_bars      integer,
    -- Bars on which the replay said something else; none are expected.
    ADD COLUMN replay_differences jsonb;
