-- The limit of a block is the widest of its orders', which may be another user's: it is told to nobody. The column stays for the release before.
CREATE OR REPLACE FUNCTION blocks_of_order(wanted uuid)
    RETURNS TABLE (block_id uuid, reference_price numeric, limit_price numeric, stored_at timestamptz, submitted_at timestamptz, completed_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$
    SELECT b.id, b.reference_price, NULL::numeric, b.created_at, b.submitted_at, b.completed_at FROM block_orders b
    WHERE b.id IN (SELECT o.block_order_id FROM orders o WHERE o.id = wanted AND o.user_id = app_user_id()
                   UNION SELECT t.block_order_id FROM trades t WHERE t.order_id = wanted AND t.user_id = app_user_id())
    ORDER BY b.created_at
$$;
