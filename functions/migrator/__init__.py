"""Applies db/ at deploy time."""
