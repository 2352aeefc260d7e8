-- no transaction
-- After a new edition of the language every source is measured when a bar comes for it, and its versions were looked for among all there are, once for each message.
CREATE INDEX CONCURRENTLY versions_by_source ON strategy_versions (source_hash);
