"""The API's resource `backtests`: queued backtests and their reports."""
