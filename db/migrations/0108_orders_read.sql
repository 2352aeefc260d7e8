-- How far the reconciler has come in the broker's orders, so that a pass asks for what is new and a part of the day, not for all of it.
CREATE TABLE broker_orders_read (
    singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    -- By the market's clock: what was sent until then was looked at, and where the day is looked through once more.
    new_since   timestamptz,
    again_since timestamptz,
    -- Our ids of orders that had not ended when they were looked at.
    waiting     text[] NOT NULL DEFAULT '{}',
    compared_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO broker_orders_read DEFAULT VALUES;
GRANT SELECT, UPDATE ON broker_orders_read TO stratforge_engine;
