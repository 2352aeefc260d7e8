"""The API's resource `alerts`: prices that people want to be told of."""
