"""The platform as tools for language models (Model Context Protocol). What a tool may do is what the API key's scopes say."""

from stratforge.mcp_server.server import create_server, serve_stdio
from stratforge.mcp_server.toolbox import Toolset, toolsets_named

__all__ = ["Toolset", "create_server", "serve_stdio", "toolsets_named"]
