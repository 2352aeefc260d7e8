"""The API's resource `exports`: files of what somebody has here."""
