-- Mails go where the account is: what waits follows its address, and links in an old mailbox end nothing any more.
CREATE FUNCTION mails_follow_the_address() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    DELETE FROM mail_stops WHERE user_id = NEW.id;
    UPDATE mails SET address = NEW.email
    WHERE user_id = NEW.id AND sent_at IS NULL AND kind IN ('ACTIVITY', 'ALERT') AND NEW.email_confirmed_at IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER mails_follow_the_address AFTER UPDATE OF email ON users
    FOR EACH ROW WHEN (OLD.email <> NEW.email AND NEW.closed_at IS NULL) EXECUTE FUNCTION mails_follow_the_address();

-- From where on each kind is told, as [transaction, number] of an event: of what was before it was chosen nothing is.
ALTER TABLE mail_notices ADD COLUMN begun jsonb NOT NULL DEFAULT '{}';
GRANT INSERT (begun), UPDATE (begun) ON mail_notices TO stratforge_api;

-- Twenty mails of alerts a day at most, also when bars of several symbols fire at once: whoever's mails are counted is counted by one at a time.
ALTER FUNCTION fire_price_alerts RENAME TO fire_counted_price_alerts;
REVOKE EXECUTE ON FUNCTION fire_counted_price_alerts FROM stratforge_engine;
CREATE FUNCTION fire_price_alerts(of_symbol text, bar_time timestamptz, highest numeric, lowest numeric, last numeric, most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('mails of alerts ' || user_id, 0)) FROM (
        SELECT DISTINCT user_id FROM price_alerts
        WHERE symbol = of_symbol AND armed AND by_mail AND (upper_price <= highest OR lower_price >= lowest) ORDER BY user_id) whose;
    RETURN fire_counted_price_alerts(of_symbol, bar_time, highest, lowest, last, most);
END $$;
REVOKE EXECUTE ON FUNCTION fire_price_alerts FROM public;
GRANT EXECUTE ON FUNCTION fire_price_alerts TO stratforge_engine;
