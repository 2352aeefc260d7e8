"""What the API promises, in machines' languages: OpenAPI, AsyncAPI, and a page for language models."""
