UPDATE adjustments SET kind = 'ODD_LOTS' WHERE kind = 'CORPORATE_ACTION' AND cause LIKE 'odd lots %';

-- In which units what a split left was divided, and at which price a part of one was paid for: what an auditor compares with.
ALTER TABLE corporate_actions ADD COLUMN step numeric, ADD COLUMN price numeric;

-- A trade is named after the broker's execution that it is of, crossed inside or not, and an order may have one of each.
ALTER TABLE trades DROP CONSTRAINT trades_order_id_execution_id_key, ADD UNIQUE (order_id, execution_id, inside);
UPDATE trades SET execution_id = substr(execution_id, 7) WHERE inside AND execution_id LIKE 'cross:%';
-- Until the last settler of the release before is gone, which names them otherwise.
CREATE OR REPLACE FUNCTION note_inside_trade() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.execution_id LIKE 'cross:%' THEN
        NEW.inside := true;
        NEW.execution_id := substr(NEW.execution_id, 7);
    END IF;
    RETURN NEW;
END
$$;

-- The broker may keep all of a fill of a few billionths of a coin.
ALTER TABLE trades DROP CONSTRAINT trades_check, ADD CHECK (fee_quantity >= 0 AND fee_quantity <= quantity);

-- Day orders that rest since before they were given an end: the close of the exchange on the day they were accepted on, or of the next one.
-- An executor ends those that are over with the symbol's next price.
UPDATE orders o SET expires_at = coalesce(
    (SELECT min(d.closes_at) FROM market_days d JOIN assets a ON a.symbol = o.symbol AND a.asset_class <> 'crypto'
     WHERE d.closes_at > coalesce(o.decided_at, o.created_at)), coalesce(o.decided_at, o.created_at) + interval '1 day')
WHERE o.status IN ('RESTING', 'WORKING') AND o.time_in_force = 'day' AND o.expires_at IS NULL AND o.origin = 'MANUAL';
