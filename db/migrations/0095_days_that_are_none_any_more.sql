-- The exchange may stay closed on a day that was announced as a trading day: the engine takes it off the calendar.
GRANT DELETE ON market_days TO stratforge_engine;
