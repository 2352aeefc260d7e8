"""The resource `auth`."""
