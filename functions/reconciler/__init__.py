"""Scheduled: what the broker has against what the ledger has."""
