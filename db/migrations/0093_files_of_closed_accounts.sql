-- Files that are being made for somebody who closes are wanted by nobody any more.
CREATE OR REPLACE FUNCTION closed_account_forgets() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    DELETE FROM authorization_codes WHERE user_id = NEW.id;
    DELETE FROM passkeys WHERE user_id = NEW.id;
    DELETE FROM price_alerts WHERE user_id = NEW.id;
    UPDATE jobs SET status = 'CANCELED', finished_at = now() WHERE user_id = NEW.id AND kind = 'EXPORT' AND status IN ('QUEUED', 'RUNNING');
    RETURN NULL;
END $$;
