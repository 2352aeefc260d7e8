"""Tells realtime connections and webhooks what happened."""
