-- Prices that people want to be told of. A bar that passes looks at those of its symbol that it reaches, and at no others.
ALTER TYPE mail_kind ADD VALUE 'ALERT';
CREATE TABLE price_alerts (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    symbol      text NOT NULL,
    condition   text NOT NULL CHECK (condition IN ('above', 'below', 'change')),
    -- A change as a fraction of the price that it is counted from.
    change      numeric CHECK (change > 0),
    reference   numeric,
    -- It fires at this price and above, or at this one and below.
    upper_price numeric CHECK (upper_price > 0),
    lower_price numeric CHECK (lower_price > 0),
    note        text NOT NULL DEFAULT '' CHECK (length(note) <= 200),
    repeats     boolean NOT NULL DEFAULT false,
    by_mail     boolean NOT NULL DEFAULT false,
    -- Whether it waits for its price. One that repeats waits again when the price has come back.
    armed       boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT now(),
    -- By the market's clock: bars that began before are none of its.
    since       timestamptz NOT NULL,
    last_bar    timestamptz,
    fired_at    timestamptz,
    fired_price numeric,
    times_fired integer NOT NULL DEFAULT 0,
    CHECK ((condition = 'change') = (change IS NOT NULL)),
    CHECK (coalesce(upper_price, lower_price) IS NOT NULL)
);
CREATE INDEX price_alerts_above ON price_alerts (symbol, upper_price) WHERE armed AND upper_price IS NOT NULL;
CREATE INDEX price_alerts_below ON price_alerts (symbol, lower_price) WHERE armed AND lower_price IS NOT NULL;
CREATE INDEX price_alerts_to_arm ON price_alerts (symbol) WHERE repeats AND NOT armed;
CREATE INDEX price_alerts_of_user ON price_alerts (user_id, created_at DESC, id);
ALTER TABLE price_alerts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON price_alerts TO stratforge_api USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
CREATE POLICY all_rows ON price_alerts TO stratforge_engine USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON price_alerts TO stratforge_api;
GRANT SELECT ON price_alerts TO stratforge_engine;
CREATE TRIGGER account_is_open BEFORE INSERT ON price_alerts FOR EACH ROW EXECUTE FUNCTION require_open_account();

-- Fires what a bar reaches, at most so many at once; returns how many. A bar that comes again fires nothing again.
CREATE FUNCTION fire_price_alerts(of_symbol text, bar_time timestamptz, highest numeric, lowest numeric, last numeric, most integer) RETURNS integer
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
        FROM told t WHERE t.by_mail AND confirmed_address(t.user_id) IS NOT NULL AND (
            SELECT count(*) FROM mails m WHERE m.user_id = t.user_id AND m.kind = 'ALERT' AND m.created_at > now() - interval '1 day') < 20)
    SELECT count(*) INTO fired FROM told;
    -- Not sooner than a quarter of an hour after it fired: a price that dances around its level is told of now and then.
    UPDATE price_alerts SET armed = true, last_bar = bar_time
    WHERE symbol = of_symbol AND repeats AND NOT armed AND last_bar <= bar_time - interval '15 minutes'
        AND (upper_price IS NULL OR last < upper_price) AND (lower_price IS NULL OR last > lower_price);
    RETURN fired;
END $$;
REVOKE EXECUTE ON FUNCTION fire_price_alerts FROM public;
GRANT EXECUTE ON FUNCTION fire_price_alerts TO stratforge_engine;

CREATE OR REPLACE FUNCTION closed_account_forgets() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    DELETE FROM authorization_codes WHERE user_id = NEW.id;
    DELETE FROM passkeys WHERE user_id = NEW.id;
    DELETE FROM price_alerts WHERE user_id = NEW.id;
    RETURN NULL;
END $$;

-- In whose words a webhook is told: ours, signed, or as a chat takes it.
ALTER TABLE webhooks ADD COLUMN format text NOT NULL DEFAULT 'json' CHECK (format IN ('json', 'discord', 'slack', 'telegram'));

-- A chat's address lets anybody write there who has it: the log and the mail name the chat alone.
CREATE OR REPLACE FUNCTION webhook_noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    hook webhooks := CASE WHEN TG_OP = 'INSERT' THEN NEW ELSE OLD END;
    named text := CASE WHEN hook.format = 'json' THEN hook.url ELSE hook.format || ' at ' || split_part(hook.url, '/', 3) END;
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM note_account_event(hook.user_id, 'WEBHOOK_ADDED', named, confirmed_address(hook.user_id));
    ELSE
        PERFORM note_account_event(hook.user_id, 'WEBHOOK_DELETED', named);
    END IF;
    RETURN NULL;
END $$;
