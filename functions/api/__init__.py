"""The HTTP API: a package per resource, each with endpoints and schemas; queries are in stratforge.storage."""
