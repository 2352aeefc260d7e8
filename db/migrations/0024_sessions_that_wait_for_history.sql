-- A session is not evaluated before its whole window is there. How much is missing, so that its owner can be told; the evaluator writes it.
ALTER TABLE sessions ADD COLUMN missing_bars integer NOT NULL DEFAULT 0 CHECK (missing_bars >= 0);
