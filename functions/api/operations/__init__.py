"""The API's resource `operations`: the platform's state, queues and halts."""
