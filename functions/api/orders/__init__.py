"""Orders that people place."""
