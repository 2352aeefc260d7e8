-- Sessions of portfolio strategies. Their `symbol` is PORTFOLIO, which no exchange has; what they may hold is in `universe`, and after it in `symbols` what they only look at.
-- `capital` is what they began with, in dollars: their cash is that, less what their positions cost, with what these made. They decide when `decides_at` has come,
-- about the period that begins then; `decided_for` is the beginning of the last period that was decided about.
ALTER TABLE sessions
    ADD COLUMN universe text[],
    ADD COLUMN symbols text[],
    ADD COLUMN schedule text,
    ADD COLUMN daily boolean,
    ADD COLUMN capital numeric CHECK (capital > 0),
    ADD COLUMN decides_at timestamptz,
    ADD COLUMN decided_for timestamptz,
    ADD CONSTRAINT portfolio_is_whole CHECK (num_nonnulls(universe, symbols, schedule, daily, capital) IN (0, 5)) NOT VALID;
ALTER TABLE sessions VALIDATE CONSTRAINT portfolio_is_whole;

-- The decisions, each with all that it saw: a replay takes the bars of `symbols` up to `last_bars` (of days in these editions), and the account from here. Lists are in
-- the order of the session's symbols; `held`, `parts`, `weights` and `orders` of its universe. `weights` are NULL where nothing was to change, `orders` are shares to buy,
-- below 0 to sell. Purchases wait while it is SELLING.
CREATE TABLE rebalances (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    session_id   uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    moment       timestamptz NOT NULL,
    decided_at   timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    status       text NOT NULL CHECK (status IN ('SELLING', 'ORDERED', 'UNCHANGED', 'RECORDED', 'CALLED_OFF')),
    missing      text[] NOT NULL,
    last_bars    timestamptz[] NOT NULL,
    editions     integer[] NOT NULL,
    prices       double precision[] NOT NULL,
    known        boolean[] NOT NULL,
    held         double precision[] NOT NULL,
    parts        double precision[] NOT NULL,
    equity       double precision NOT NULL,
    cash         double precision NOT NULL,
    state_before jsonb NOT NULL,
    state_after  jsonb NOT NULL,
    weights      double precision[],
    orders       double precision[] NOT NULL,
    -- By what part purchases were cut, where they cost more than there was.
    bought_part  double precision,
    UNIQUE (session_id, moment)
);
CREATE INDEX rebalances_selling ON rebalances (created_at) WHERE status = 'SELLING';
CREATE INDEX rebalances_of_user ON rebalances (user_id);
ALTER TABLE rebalances ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON rebalances TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
CREATE POLICY all_rows ON rebalances TO stratforge_engine USING (true) WITH CHECK (true);
GRANT SELECT ON rebalances TO stratforge_api;
GRANT SELECT, INSERT, UPDATE ON rebalances TO stratforge_engine;

ALTER TABLE orders ADD COLUMN rebalance_id uuid REFERENCES rebalances ON DELETE SET NULL;

-- Whoever is erased leaves no decisions behind.
CREATE FUNCTION forget_rebalances() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    DELETE FROM rebalances WHERE user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER erased_users_decided_nothing AFTER UPDATE OF erased_at ON users
    FOR EACH ROW WHEN (OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL) EXECUTE FUNCTION forget_rebalances();
