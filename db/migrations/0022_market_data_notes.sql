-- What the platform does not get of the market, and why: said to whom it concerns, while it is so.
CREATE TABLE market_data_notes (
    -- '*' for a whole stream.
    symbol   text NOT NULL,
    kind     text NOT NULL CHECK (kind IN ('NO_LIVE_PRICES', 'NO_HISTORY', 'STREAM_REFUSED')),
    detail   text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (symbol, kind)
);
GRANT SELECT ON market_data_notes TO stratforge_api, stratforge_engine;
GRANT INSERT, DELETE ON market_data_notes TO stratforge_engine;
