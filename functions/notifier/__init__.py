"""Tells live connections and webhooks what happened."""
