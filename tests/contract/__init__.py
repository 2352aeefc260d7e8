"""Linters of the API's documents, from npm."""
