-- Nothing is known of the sizes of changed rows when a plan is made and kept, so joins of old and new ones are hashed always.
ALTER FUNCTION note_changed_orders() SET enable_nestloop = off;
ALTER FUNCTION note_changed_signals() SET enable_nestloop = off;
ALTER FUNCTION note_changed_sessions() SET enable_nestloop = off;
ALTER FUNCTION note_changed_jobs() SET enable_nestloop = off;
