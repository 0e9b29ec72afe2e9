"""Lists and calls the tools of an MCP server with the protocol's own Python client: mcp_tools.py URL TOOL TEXT.

Prints one JSON object: the names of the tools, and what the call answered.
"""

import asyncio
import json
import sys

import mcp


async def main(url: str, tool: str, text: str) -> None:
    async with mcp.Client(url) as client:
        tools = await client.list_tools()
        result = await client.call_tool(tool, {"text": text})
        print(
            json.dumps(
                {
                    "tools": sorted(tool.name for tool in tools.tools),
                    "error": bool(result.is_error),
                    "text": "".join(block.text for block in result.content),
                }
            )
        )


asyncio.run(main(*sys.argv[1:4]))
