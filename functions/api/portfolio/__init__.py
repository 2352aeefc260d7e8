"""The resource `portfolio`."""
