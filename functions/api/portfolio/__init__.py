"""The API's resource `portfolio`: cash, positions, trades and signals."""
