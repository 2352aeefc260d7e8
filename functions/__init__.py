"""One package per deployable unit."""
