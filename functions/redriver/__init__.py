"""Sends dead letters again: the only function that may take them, and that may send to every queue."""
