"""The resource `sessions`."""
