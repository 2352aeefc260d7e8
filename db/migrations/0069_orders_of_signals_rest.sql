-- A signal may name a limit, a stop, and the bars for which its order rests; it is the session's so-manieth bar on which it was given.
ALTER TABLE signals
    ADD COLUMN limit_price double precision CHECK (limit_price > 0),
    ADD COLUMN stop_price  double precision CHECK (stop_price > 0),
    ADD COLUMN expire_bars integer CHECK (expire_bars > 0),
    ADD COLUMN bar_number  integer;
-- The last bar of its session on which an order may fill, by the session's own count of them.
ALTER TABLE orders ADD COLUMN last_bar integer;
