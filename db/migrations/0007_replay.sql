-- What is needed to run a live session again and get the same signals, bit for bit.

-- The position a session's strategy saw, from the bar at which it changed.
CREATE TABLE position_views (
    session_id          uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    user_id             uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    bar_time            timestamptz NOT NULL,
    quantity            double precision NOT NULL,
    average_entry_price double precision NOT NULL,
    PRIMARY KEY (session_id, bar_time)
);
ALTER TABLE sessions ADD COLUMN seen_quantity double precision NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN seen_entry_price double precision NOT NULL DEFAULT 0;

-- Corrections of bars: what the bar was before, and the last bar that was evaluated with it.
CREATE TABLE market_data_corrections (
    symbol     text NOT NULL,
    timeframe  text NOT NULL,
    time       timestamptz NOT NULL,
    correction integer NOT NULL,
    after_bar  timestamptz NOT NULL,
    open       numeric NOT NULL,
    high       numeric NOT NULL,
    low        numeric NOT NULL,
    close      numeric NOT NULL,
    volume     numeric NOT NULL,
    PRIMARY KEY (symbol, timeframe, time, correction)
);

ALTER TABLE position_views ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON position_views TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
CREATE POLICY all_rows ON position_views TO stratforge_engine USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON position_views, market_data_corrections TO stratforge_engine;
GRANT SELECT ON position_views, market_data_corrections TO stratforge_api;
