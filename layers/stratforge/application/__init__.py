"""Use cases, one module for each thing the platform does: the only way in for the API, the dashboard, MCP, the command
line and the workers.

A use case is given who asks (`access.Caller`), a typed request, the database and the adapters it needs. It decides on scopes and limits, owns the
transaction, calls the pure core and the repositories, and tells the bus after the commit. It knows nothing of HTTP, queue events or pages;
what it refuses is an `errors.Refusal`.
"""
