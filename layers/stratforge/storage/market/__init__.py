"""Bars, prices, assets and trading days."""
