"""The authorization server for programs (OAuth 2.1), of which clients of `/mcp` are the ones that ask."""
