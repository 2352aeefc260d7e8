"""Realtime connections: who opens one, and what they watch."""
