-- While the broker refuses the platform itself (wrong keys, a blocked account) nothing is sent, and orders wait: nobody's order is to
-- blame. Not a trading state: those refuse orders, and an operator's own state holds beside this one and after it.
ALTER TABLE platform_state
    ADD COLUMN suspended_at timestamptz,
    ADD COLUMN suspension text,
    -- Prices are old right after that, for the same reason.
    ADD COLUMN resumed_at timestamptz,
    ADD CHECK ((suspended_at IS NULL) = (suspension IS NULL));

CREATE OR REPLACE FUNCTION note_platform() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (kind, data)
    SELECT 'platform', jsonb_build_object('trading_state', trading_state, 'reason', reason, 'suspended', suspended_at IS NOT NULL) FROM changed_rows;
    RETURN NULL;
END $$;
