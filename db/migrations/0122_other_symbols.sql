-- Strategies of one symbol see the bars of other symbols (bars.of("SPY")): how many of each their sessions need, by symbol as {"bars", "days", "back"}, and what a session saw
-- of them where that does not follow from the bar: another last bar than the one that ended when its own began ("last", in seconds; null where there was none), or another
-- edition of their days than before ("edition").
ALTER TABLE strategy_versions ADD COLUMN others jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN strategy_versions.others IS 'By other symbol that its indicators look at: bars of a minute (on bars of days, days) that are needed of it, days beside shorter bars, and how many own bars back.';
GRANT UPDATE (others) ON strategy_versions TO stratforge_engine;
ALTER TABLE sessions ADD COLUMN seen_other_editions jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN sessions.seen_other_editions IS 'By other symbol the edition in which a session saw its days last.';
ALTER TABLE position_views ADD COLUMN others jsonb;
COMMENT ON COLUMN position_views.others IS 'What a session saw of other symbols on this bar, where that does not follow from the bar: their last bar, and the edition of their days from this bar on.';
