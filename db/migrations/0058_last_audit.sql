-- When the last audit began that came to its end, so that it is told when none does. A database without one has its time too.
CREATE TABLE last_audit (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    began_at timestamptz NOT NULL
);
INSERT INTO last_audit (began_at) VALUES (now());
GRANT SELECT, UPDATE ON last_audit TO stratforge_engine;
