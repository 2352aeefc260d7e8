"""The API's resource `webhooks`: addresses that are told of events."""
