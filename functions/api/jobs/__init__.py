"""The resource `jobs`."""
