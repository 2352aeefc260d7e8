-- What a strategy saw of its account on a bar, if it asked for it: in dollars, for the replay.
ALTER TABLE position_views ADD COLUMN account_cash double precision, ADD COLUMN account_equity double precision;
