"""The resource `backtests`."""
