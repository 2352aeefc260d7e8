"""The API's resource `users`: profile, export, API keys and the end of an account."""
