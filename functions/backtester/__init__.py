"""Backtest jobs."""
