"""AI jobs: strategies from plain language."""
