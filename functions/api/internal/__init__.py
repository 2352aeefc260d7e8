"""The API's resource `internal`: calls from the platform itself."""
