"""The resource `dashboard`."""
