"""Lighthouse on the pages of a running platform."""
