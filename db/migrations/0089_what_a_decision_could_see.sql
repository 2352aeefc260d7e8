-- Which splits and corrections a portfolio session's decision could see: those of transactions that its snapshot shows. NULL in older rows: of splits and corrections
-- everybody sees them, of decisions the bars are those that were known when the last of them was new.
ALTER TABLE corporate_actions ADD COLUMN applied_by xid8;
ALTER TABLE market_data_corrections ADD COLUMN made_by xid8;
ALTER TABLE market_data_corrections ALTER COLUMN made_by SET DEFAULT pg_current_xact_id();
ALTER TABLE rebalances ADD COLUMN snapshot pg_snapshot;
