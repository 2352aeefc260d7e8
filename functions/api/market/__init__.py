"""The API's resource `market`: prices, bars and assets."""
