"""Backtests, sweeps and replays, as jobs from a queue."""
