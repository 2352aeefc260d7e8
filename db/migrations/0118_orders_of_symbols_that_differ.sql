-- Where the day's orders of symbols whose positions differ are read on, by the market's clock: a pass reads so many, and a symbol may have had more.
ALTER TABLE broker_orders_read ADD COLUMN differing_since timestamptz;
