-- An answer that is still coming, and what a strategy's parameters decide.
ALTER TABLE jobs ADD COLUMN partial text;
ALTER TABLE strategy_versions ADD COLUMN parameter_meanings jsonb NOT NULL DEFAULT '{}';

CREATE OR REPLACE FUNCTION note_changed_jobs() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public SET enable_nestloop = off AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'job', jsonb_build_object('job_id', n.id, 'kind', n.kind, 'status', n.status, 'progress', n.progress,
        'characters', length(n.partial))
    FROM new_rows n JOIN old_rows o ON o.id = n.id
    WHERE (n.status, n.progress, n.partial) IS DISTINCT FROM (o.status, o.progress, o.partial) ORDER BY n.id;
    RETURN NULL;
END $$;
