-- What an order waits for is called its trigger, in the book as in the code.
ALTER TABLE orders RENAME COLUMN wakes_below TO trigger_below;
ALTER TABLE orders RENAME COLUMN wakes_above TO trigger_above;
