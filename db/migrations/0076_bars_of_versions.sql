-- A version says on which bars its sessions decide (TIMEFRAME in its code): how long they are in minutes, 1,440 for days of the exchange.
ALTER TABLE strategy_versions ADD COLUMN bar_minutes integer NOT NULL DEFAULT 1 CHECK (bar_minutes IN (1, 5, 15, 30, 60, 240, 1440));
COMMENT ON COLUMN strategy_versions.lookback IS 'Bars of a minute that a session needs before it can be evaluated; with bar_minutes = 1440 the days.';
