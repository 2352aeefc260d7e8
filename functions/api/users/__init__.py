"""The resource `users`."""
