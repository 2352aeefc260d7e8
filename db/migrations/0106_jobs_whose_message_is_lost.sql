-- A job's message can be lost, with its queue or before it was sent. So it is known when its worker was last told of it (null: nobody can have heard),
-- which message began it (null: nobody who is known works on it), and when whoever works on it last gave a sign.
ALTER TABLE jobs ADD COLUMN woken_at timestamptz DEFAULT now(), ADD COLUMN begun_by text, ADD COLUMN alive_at timestamptz;
