-- Decisions of portfolio sessions that ended long ago are forgotten with what else they said.
GRANT DELETE ON rebalances TO stratforge_engine;
