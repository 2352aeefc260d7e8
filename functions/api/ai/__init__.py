"""The resource `ai`."""
