-- A function that is replaced loses its settings: joins of old and new rows are hashed always, as since 0016.
ALTER FUNCTION note_changed_orders() SET enable_nestloop = off;
ALTER FUNCTION note_changed_signals() SET enable_nestloop = off;
ALTER FUNCTION note_changed_sessions() SET enable_nestloop = off;
