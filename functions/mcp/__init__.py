"""The platform as tools for language models, over HTTP."""
