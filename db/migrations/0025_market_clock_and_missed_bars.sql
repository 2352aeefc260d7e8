-- The exchange's clock as it was read last. In between it goes on like ours: what is asked is how late something is, not how long we waited.
CREATE TABLE market_clock (
    only_one    boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    market_time timestamptz NOT NULL,
    noted_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT ON market_clock TO stratforge_api, stratforge_engine;
GRANT INSERT, UPDATE ON market_clock TO stratforge_engine;

-- The exchange's time now; NULL while nobody has read its clock.
CREATE FUNCTION market_now() RETURNS timestamptz LANGUAGE sql STABLE SET search_path = public
    AS $$ SELECT market_time + (clock_timestamp() - noted_at) FROM market_clock $$;

-- Bars that a session had not seen in their time. Those of earlier versions were never seen; since then they are seen afterwards, in order.
ALTER TABLE session_gaps
    ADD COLUMN bars       integer NOT NULL DEFAULT 0,
    ADD COLUMN filled     boolean NOT NULL DEFAULT false,
    ADD COLUMN noticed_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN session_gaps.filled IS 'The session was evaluated on them later, and nothing was ordered.';

CREATE FUNCTION note_session_gaps() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO events (user_id, kind, data)
    SELECT n.user_id, 'session', jsonb_build_object('session_id', n.session_id, 'strategy_id', s.strategy_id, 'symbol', s.symbol,
        'status', s.status, 'failure_reason', s.failure_reason, 'final_pnl', s.final_pnl::text, 'missed_bars', n.bars, 'missed_after', n.after_bar)
    FROM new_rows n JOIN sessions s ON s.id = n.session_id ORDER BY n.session_id;
    RETURN NULL;
END $$;
CREATE TRIGGER session_gaps_noted AFTER INSERT ON session_gaps REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION note_session_gaps();
-- What the platform does not get of the market, and why: said to whom it concerns, while it is so.
CREATE TABLE market_data_notes (
    -- '*' for a whole stream.
    symbol   text NOT NULL,
    kind     text NOT NULL CHECK (kind IN ('NO_LIVE_PRICES', 'NO_HISTORY', 'STREAM_REFUSED')),
    detail   text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (symbol, kind)
);
GRANT SELECT ON market_data_notes TO stratforge_api, stratforge_engine;
GRANT INSERT, DELETE ON market_data_notes TO stratforge_engine;
