"""The tool `uppercase` by the official Python SDK, without sessions and with JSON answers, as ours is: PORT."""

import sys

import uvicorn
from mcp.server.mcpserver import MCPServer
from starlette.responses import PlainTextResponse

server = MCPServer("floor", log_level="ERROR")


@server.tool(description="Turns letters into capitals.")
def uppercase(text: str) -> str:
    return text.upper()


@server.custom_route("/ready", methods=["GET"])
async def ready(_request):
    return PlainTextResponse("ok")


app = server.streamable_http_app(stateless_http=True, json_response=True)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical", access_log=False)
