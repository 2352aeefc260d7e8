"""The long-running service between Alpaca's streams and our queues."""
