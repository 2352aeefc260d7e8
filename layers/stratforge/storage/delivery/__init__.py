"""Delivery of committed events to connections and webhooks."""
