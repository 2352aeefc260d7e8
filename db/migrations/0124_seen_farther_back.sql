-- A portfolio decision may look at a symbol that trades every minute with bars of one that seldom trades: then it sees more of the first than a window. From where on is kept, so that a
-- replay sees the same; of decisions of before nothing is, and they are replayed on windows alone.
ALTER TABLE rebalances ADD COLUMN first_bars timestamptz[];
COMMENT ON COLUMN rebalances.first_bars IS 'Of each symbol of which more than a window was seen the beginning of the first bar; null of the others, and as a whole of decisions from before this was kept.';
