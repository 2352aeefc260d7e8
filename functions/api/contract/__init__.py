"""The documents of the API, in machines' languages: OpenAPI, AsyncAPI, and a page for language models."""
