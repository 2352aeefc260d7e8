"""The resource `strategies`."""
