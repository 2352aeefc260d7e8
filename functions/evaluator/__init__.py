"""Evaluates sessions: bars in, signals out."""
