-- What a strategy remembered and how long it had held, on each bar that it gave a signal on or its position changed: from there any bar can be
-- evaluated again without going through all before it.
ALTER TABLE position_views ADD COLUMN state jsonb, ADD COLUMN bars_held integer;

-- The price at which a session's stop or target was to sell, and the fraction that it was set to: both may be others by now.
ALTER TABLE orders ADD COLUMN exit_level numeric, ADD COLUMN exit_fraction numeric;

-- What a block order was for one of its orders: prices and times, and nothing of whose else it was. Both are of the caller's own orders only.
CREATE FUNCTION blocks_of_order(wanted uuid)
    RETURNS TABLE (block_id uuid, reference_price numeric, limit_price numeric, stored_at timestamptz, submitted_at timestamptz, completed_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$
    SELECT b.id, b.reference_price, b.limit_price, b.created_at, b.submitted_at, b.completed_at FROM block_orders b
    WHERE b.id IN (SELECT o.block_order_id FROM orders o WHERE o.id = wanted AND o.user_id = app_user_id()
                   UNION SELECT t.block_order_id FROM trades t WHERE t.order_id = wanted AND t.user_id = app_user_id())
    ORDER BY b.created_at
$$;
REVOKE EXECUTE ON FUNCTION blocks_of_order FROM public;
GRANT EXECUTE ON FUNCTION blocks_of_order TO stratforge_api;
