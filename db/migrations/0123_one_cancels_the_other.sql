-- An order with a limit and a stop beside it, of which one cancels the other; and whether the prices of a signal are meant so.
ALTER TYPE order_type ADD VALUE 'oco';
ALTER TABLE signals ADD COLUMN oco boolean NOT NULL DEFAULT false;
