-- A company that takes a name over finds bars there of whoever had it before. They are kept under a name of their own, for the sessions that ended on them.
ALTER TABLE sessions ADD COLUMN bars_symbol text;
