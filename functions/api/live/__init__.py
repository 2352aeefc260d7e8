"""Tickets for live connections."""
