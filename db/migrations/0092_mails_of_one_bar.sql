-- Twenty mails a day at most, those of the same bar among them. Fires what a bar reaches, at most so many at once; returns how many. A bar that comes again fires nothing again.
CREATE OR REPLACE FUNCTION fire_price_alerts(of_symbol text, bar_time timestamptz, highest numeric, lowest numeric, last numeric, most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    AS $$
DECLARE
    fired integer;
BEGIN
    WITH due AS (
        SELECT id AS due_id, reference AS counted_from, upper_price AS above, lower_price AS below FROM price_alerts
        WHERE symbol = of_symbol AND armed AND (upper_price <= highest OR lower_price >= lowest)
            AND since <= bar_time AND (last_bar IS NULL OR last_bar < bar_time)
        ORDER BY created_at, id LIMIT most FOR UPDATE SKIP LOCKED),
    told AS (
        UPDATE price_alerts a SET armed = false, last_bar = bar_time, fired_at = now(), fired_price = last, times_fired = times_fired + 1,
            reference = CASE WHEN condition = 'change' AND repeats THEN last ELSE reference END,
            upper_price = CASE WHEN condition = 'change' AND repeats THEN last * (1 + change) ELSE upper_price END,
            lower_price = CASE WHEN condition = 'change' AND repeats AND change < 1 THEN last * (1 - change) ELSE lower_price END
        FROM due WHERE a.id = due_id
        RETURNING a.id, a.user_id, a.condition, a.change, counted_from, above, below, a.note, a.repeats, a.by_mail),
    noted AS (
        INSERT INTO events (user_id, kind, data)
        SELECT user_id, 'alert', jsonb_build_object('alert_id', id, 'symbol', of_symbol, 'condition', condition,
            'level', trim_scale(CASE condition WHEN 'above' THEN above WHEN 'below' THEN below END)::text,
            'change', trim_scale(change)::text, 'reference', trim_scale(counted_from)::text, 'price', trim_scale(last)::text,
            'bar_time', utc_text(bar_time), 'repeats', repeats, 'note', note)
        FROM told ORDER BY id),
    mailed AS (
        INSERT INTO mails (kind, address, user_id, about)
        SELECT 'ALERT', confirmed_address(t.user_id), t.user_id, of_symbol || CASE t.condition
                WHEN 'above' THEN ' is above ' || trim_scale(t.above) WHEN 'below' THEN ' is below ' || trim_scale(t.below)
                ELSE ' moved by more than ' || trim_scale(t.change * 100) || ' % from ' || trim_scale(t.counted_from) END
            || '; it traded at ' || trim_scale(last) || CASE WHEN t.note <> '' THEN '. You noted: ' || t.note ELSE '' END
        FROM (SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY id) AS place FROM told WHERE by_mail) t
        WHERE confirmed_address(t.user_id) IS NOT NULL AND t.place + (
            SELECT count(*) FROM mails m WHERE m.user_id = t.user_id AND m.kind = 'ALERT' AND m.created_at > now() - interval '1 day') <= 20)
    SELECT count(*) INTO fired FROM told;
    -- Not sooner than a quarter of an hour after it fired: a price that dances around its level is told of now and then.
    UPDATE price_alerts SET armed = true, last_bar = bar_time
    WHERE symbol = of_symbol AND repeats AND NOT armed AND last_bar <= bar_time - interval '15 minutes'
        AND (upper_price IS NULL OR last < upper_price) AND (lower_price IS NULL OR last > lower_price);
    RETURN fired;
END $$;
