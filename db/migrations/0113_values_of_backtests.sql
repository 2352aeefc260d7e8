-- A run with values of its own is none of its version: lists and setups tell it apart without reading reports.
ALTER TABLE backtests ADD COLUMN parameters jsonb NOT NULL GENERATED ALWAYS AS (coalesce(report -> 'parameters', '{}')) STORED;
