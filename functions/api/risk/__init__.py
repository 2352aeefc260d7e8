"""A user's own limits and trading state."""
