"""Runs strategies. Its role has no permission, it has no route to anything, and its workers can open nothing."""
