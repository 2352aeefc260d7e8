"""The API's resource `auth`: registration and logins."""
