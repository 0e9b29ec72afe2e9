"""Serves an MCP server that speaks over its standard input and output at http://HOST:8000/mcp: bridge.py COMMAND ARGUMENT...

Both sides are the protocol's own Python SDK. What the server says of its tools, and what they give, is passed on as it is.
"""

import asyncio
import os
import sys

import mcp
import uvicorn
from mcp.server.lowlevel import Server


async def main(command: str, *arguments: str) -> None:
    program = mcp.StdioServerParameters(command=command, args=list(arguments), env=dict(os.environ))
    async with mcp.Client(program) as client:

        async def list_tools(_context, params):
            return await client.session.list_tools(params=params)

        async def call_tool(_context, params):
            return await client.session.call_tool(params.name, params.arguments)

        server = Server("bridge", on_list_tools=list_tools, on_call_tool=call_tool)
        # Not the loopback's rules for names: whoever reaches this is let in by its Service.
        app = server.streamable_http_app(host="0.0.0.0")
        await uvicorn.Server(uvicorn.Config(app, host="0.0.0.0", port=8000, log_level="warning")).serve()


asyncio.run(main(*sys.argv[1:]))
