"""Moves old bars to the archive."""
