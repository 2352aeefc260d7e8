"""The resource `internal`."""
