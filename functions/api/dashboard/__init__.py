"""The dashboard: HTML pages, their parts and assets."""
