"""The API's resource `sessions`: strategies that trade a symbol."""
