-- A name that a company takes over begins with that company's history: the bars of whoever had it before are taken away.
GRANT DELETE ON market_data, market_data_corrections TO stratforge_engine;
