-- What the platform's account at the broker can carry, as it was last read, in the dollars of the ledger (see the scale).
CREATE TABLE broker_account (
    singleton    boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    -- For what can be bought on margin, and for what cannot (coins).
    buying_power numeric NOT NULL,
    cash_power   numeric NOT NULL,
    equity       numeric NOT NULL,
    -- When it was asked, by our clock: what was sent later is not in the figures.
    read_at      timestamptz NOT NULL,
    -- Units of the ledger for one at the broker.
    scale        numeric NOT NULL DEFAULT 1 CHECK (scale >= 1)
);
GRANT SELECT ON broker_account TO stratforge_api, stratforge_engine;
GRANT INSERT, UPDATE ON broker_account TO stratforge_engine;
