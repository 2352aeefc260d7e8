-- What a strategy saw that it may spend: the cash, less what short positions hold back. Before this it was told the cash.
ALTER TABLE position_views ADD COLUMN account_buying_power double precision;
