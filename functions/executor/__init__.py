"""Signals in, one netted broker order per symbol out."""
