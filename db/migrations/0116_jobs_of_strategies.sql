-- no transaction
CREATE INDEX CONCURRENTLY jobs_of_strategy ON jobs ((coalesce(request->>'strategy_id', result->>'strategy_id'))) WHERE kind = 'GENERATE';
