-- Days of the exchange as bars, for sessions that decide by the day. Prices are adjusted for the splits that were known when they were read: a later split, or a
-- correction, gives days another edition, and those before stay as whoever decided on them saw them.
CREATE TABLE daily_bars (
    symbol  text NOT NULL,
    day     date NOT NULL,
    edition integer NOT NULL,
    open    numeric NOT NULL CHECK (open > 0),
    high    numeric NOT NULL CHECK (high > 0),
    low     numeric NOT NULL CHECK (low > 0),
    close   numeric NOT NULL CHECK (close > 0),
    volume  numeric NOT NULL CHECK (volume >= 0),
    PRIMARY KEY (symbol, day, edition)
);

-- How far the days of each symbol have been read: those before `through`, in so many editions.
CREATE TABLE daily_histories (
    symbol  text PRIMARY KEY,
    through date NOT NULL,
    edition integer NOT NULL,
    days    integer NOT NULL CHECK (days > 0),
    -- Why the vendor has none, where it said so.
    refused text,
    read_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN daily_histories.days IS 'How many days back were asked for.';

GRANT SELECT ON daily_bars, daily_histories TO stratforge_api, stratforge_engine;
GRANT INSERT ON daily_bars TO stratforge_engine;
GRANT INSERT, UPDATE ON daily_histories TO stratforge_engine;
