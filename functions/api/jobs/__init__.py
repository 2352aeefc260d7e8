"""The API's resource `jobs`: work that runs in the background."""
