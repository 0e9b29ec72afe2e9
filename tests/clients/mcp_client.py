"""Drives an agent as an MCP server with the protocol's own Python client, by all that it offers.

mcp_client.py MODE URL                  over HTTP
mcp_client.py MODE -- COMMAND [ARG...]  over stdio

MODE is `auto` (the newest revision that both know) or `legacy` (with the handshake of older ones). The agent is called `amber`, has
memory and the tools `uppercase` and `reverse`; calls of `reverse` may need approval. Prints one JSON object: what it found.
"""

import asyncio
import json
import sys

import mcp
from mcp import types


class User:
    """Whoever sits before the client: approves, denies, or thinks for ever."""

    def __init__(self) -> None:
        self.answer: bool | None = True
        self.asked: list[str] = []

    async def __call__(self, _context, params: types.ElicitRequestParams) -> types.ElicitResult:
        self.asked.append(params.message)
        if self.answer is None:
            await asyncio.Event().wait()
        return types.ElicitResult(action="accept", content={"approve": self.answer})


def text(result: types.CallToolResult) -> str:
    return "".join(block.text for block in result.content)


async def tools(client: mcp.Client) -> dict:
    listed = await client.list_tools()
    called = await client.call_tool("uppercase", {"text": "hi"})
    wrong = await client.call_tool("uppercase", {"txt": "hi"})
    try:
        await client.call_tool("levitate", {})
        unknown = None
    except mcp.MCPError as error:
        unknown = error.error.code
    return {
        "tools": sorted(tool.name for tool in listed.tools),
        "called": [text(called), called.is_error],
        "wrong": wrong.is_error,
        "unknown": unknown,
    }


async def agent(client: mcp.Client) -> dict:
    told = []

    async def hears(_progress: float, _total: float | None, message: str | None) -> None:
        told.append(message)

    question = {"input": "uppercase:hello", "session": "s-1"}
    answered = await client.call_tool("amber", question, progress_callback=hears)
    return {"answered": text(answered), "session": answered.structured_content["session"], "progress": told[1:]}


async def kept(client: mcp.Client) -> dict:
    listed = await client.list_resources()
    read = await client.read_resource("skreaver://agents/amber/sessions/s-1")
    prompts = await client.list_prompts()
    prompt = await client.get_prompt("amber", {"request": "Greet."})
    return {
        "resources": [str(resource.uri) for resource in listed.resources],
        "said": "uppercase:hello" in read.contents[0].text,
        "prompts": [prompt.name for prompt in prompts.prompts],
        "prompt": "Call the tool `amber`" in prompt.messages[0].content.text,
    }


async def approvals(client: mcp.Client, user: User) -> dict:
    user.answer = True
    approved = await client.call_tool("reverse", {"text": "ab"})
    user.answer = False
    denied = await client.call_tool("reverse", {"text": "ab"})
    return {
        "approved": [text(approved), approved.is_error],
        "denied": [text(denied), denied.is_error],
        "asked": len(user.asked),
    }


async def called_off(client: mcp.Client, user: User) -> dict:
    """Gives up a call that waits for people, and waits until the agent has given it up as well."""
    user.answer = None
    waits = asyncio.Event()

    async def hears(_progress: float, _total: float | None, message: str | None) -> None:
        if message.startswith("waits until people approve"):
            waits.set()

    before = await failed(client)
    question = {"input": "reverse:ab", "session": "s-2"}
    call = asyncio.create_task(client.call_tool("amber", question, progress_callback=hears))
    await waits.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    while (after := await failed(client)) == before:
        await asyncio.sleep(0.02)
    return {"called off": after - before}


async def failed(client: mcp.Client) -> int:
    card = await client.session.read_resource("skreaver://agents/amber")
    return json.loads(card.contents[0].text)["runs"]["failed"]


async def main(mode: str, *server: str) -> None:
    user = User()
    over_http = server[0] != "--"
    where = server[0] if over_http else mcp.StdioServerParameters(command=server[1], args=list(server[2:]))
    async with mcp.Client(where, mode=mode, elicitation_callback=user) as client:
        found = {"revision": client.protocol_version}
        found |= await tools(client) | await agent(client) | await kept(client) | await approvals(client, user)
        if user.asked:
            found |= await called_off(client, user)
    print(json.dumps(found))


asyncio.run(main(*sys.argv[1:]))
