"""The resource `market`."""
