"""Bars in, signals out."""
