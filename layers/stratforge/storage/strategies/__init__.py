"""Strategies, their versions, sessions, evaluations, backtests and jobs."""
