-- Corporate actions of every kind, and who decided on those that the platform does not follow by itself.
ALTER TYPE adjustment_kind ADD VALUE 'CORPORATE_ACTION';
ALTER TABLE corporate_actions
    -- What holders get besides, for one old unit: units of the new symbol, and dollars.
    ADD COLUMN new_ratio numeric CHECK (new_ratio > 0),
    ADD COLUMN cash numeric CHECK (cash > 0),
    ADD COLUMN approved_at timestamptz,
    ADD COLUMN dismissed_at timestamptz,
    -- Why it could not be followed yet.
    ADD COLUMN obstacle text,
    DROP CONSTRAINT corporate_actions_ratio_check,
    ADD CONSTRAINT corporate_actions_ratio_check CHECK (ratio >= 0);
CREATE INDEX corporate_actions_open ON corporate_actions (symbol) WHERE applied_at IS NULL AND dismissed_at IS NULL;
-- Halts for corporate actions are no rows any more: they begin and end with the day of the exchange and the ledger's following.
DELETE FROM symbol_halts WHERE reason = 'CORPORATE_ACTION';

-- Whether a symbol is halted because what a unit of it is has changed and the ledger has not followed. By the market's clock.
CREATE VIEW corporate_halts AS
    SELECT a.symbol, a.id, a.kind, a.obstacle, (a.effective_on::timestamp AT TIME ZONE 'America/New_York') AS since
    FROM corporate_actions a JOIN latest_prices l ON l.symbol = a.symbol
    WHERE a.applied_at IS NULL AND a.dismissed_at IS NULL AND l.time >= (a.effective_on::timestamp AT TIME ZONE 'America/New_York');
GRANT SELECT ON corporate_halts TO stratforge_api, stratforge_engine;

-- Operators decide; the reconciler follows. Each with a line in the audit.
CREATE FUNCTION operator_corporate_actions() RETURNS SETOF corporate_actions
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$
    SELECT a.* FROM corporate_actions a
    WHERE is_operator() AND (a.applied_at IS NULL AND a.dismissed_at IS NULL OR a.seen_at > now() - interval '30 days')
    ORDER BY a.effective_on DESC, a.id LIMIT 200
$$;
CREATE FUNCTION operator_decide_action(action_id text, follow boolean, why text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
BEGIN
    UPDATE corporate_actions SET
        approved_at = CASE WHEN follow THEN now() END, dismissed_at = CASE WHEN follow THEN NULL ELSE now() END
    WHERE id = action_id AND applied_at IS NULL AND is_operator();
    RETURN FOUND AND note_operator_action(CASE WHEN follow THEN 'approve corporate action' ELSE 'dismiss corporate action' END, action_id, why);
END
$$;
CREATE FUNCTION operator_enter_action(
    action_id text, of_symbol text, of_kind text, on_day date, units numeric, into_symbol text, into_units numeric, dollars numeric, why text
) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
BEGIN
    INSERT INTO corporate_actions (id, symbol, kind, effective_on, ratio, new_symbol, new_ratio, cash, approved_at)
    SELECT action_id, of_symbol, of_kind, on_day, units, into_symbol, into_units, dollars, now() WHERE is_operator()
    ON CONFLICT (id) DO NOTHING;
    RETURN FOUND AND note_operator_action('enter corporate action', action_id, why);
END
$$;
REVOKE EXECUTE ON FUNCTION operator_corporate_actions, operator_decide_action, operator_enter_action FROM public;
GRANT EXECUTE ON FUNCTION operator_corporate_actions, operator_decide_action, operator_enter_action TO stratforge_api;
-- A change of symbol takes the sessions, their strategies' symbol and the history along.
GRANT INSERT ON positions, market_data, latest_prices TO stratforge_engine;
