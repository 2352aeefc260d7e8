"""The endpoint of tickets for the WebSocket API."""
