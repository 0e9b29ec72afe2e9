"""Asks an agent with the official SDK of A2A, over each transport that its card names: a2a_client.py URL AGENT.

The agent has memory and no model: it answers with what it is told. Prints one JSON object, by transport.
"""

import asyncio
import json
import sys

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.types import a2a_pb2 as types

url, agent = sys.argv[1:]


def message(text, **more):
    part = types.Part(text=text)
    return types.SendMessageRequest(message=types.Message(message_id="m1", role=types.ROLE_USER, parts=[part], **more))


async def fails(call):
    try:
        answer = call()
        if hasattr(answer, "__aiter__"):
            async for _ in answer:
                pass
        else:
            await answer
    except Exception as error:  # What it is is what is asked for.
        return type(error).__name__
    return None


async def ask(http, card, transport, streaming):
    config = ClientConfig(httpx_client=http, supported_protocol_bindings=[transport], streaming=streaming)
    client = ClientFactory(config).create(card)
    told = [event async for event in client.send_message(message("Hello"))]
    kinds = [event.WhichOneof("payload") for event in told]
    task = next(event.task for event in told if event.HasField("task"))
    got = await client.get_task(types.GetTaskRequest(id=task.id))
    page = await client.list_tasks(types.ListTasksRequest(context_id=got.context_id, page_size=5))
    push = types.TaskPushNotificationConfig(task_id=task.id, url="http://a.example")
    return {
        "kinds": [kinds[0], kinds[-1]],
        "state": types.TaskState.Name(got.status.state),
        "text": got.artifacts[0].parts[0].text,
        "said": got.history[0].parts[0].text,
        "listed": [task.id == found.id for found in page.tasks],
        "errors": [
            await fails(lambda: client.get_task(types.GetTaskRequest(id="nobody"))),
            await fails(lambda: client.cancel_task(types.CancelTaskRequest(id=task.id))),
            await fails(lambda: client.subscribe(types.SubscribeToTaskRequest(id=task.id))),
            await fails(lambda: client.send_message(message("more", task_id=task.id))),
            await fails(lambda: client.create_task_push_notification_config(push)),
        ],
    }


async def main():
    async with httpx.AsyncClient(timeout=20) as http:
        card = await A2ACardResolver(http, f"{url}/agents/{agent}").get_agent_card()
        found = {"card": card.name}
        for transport in ["JSONRPC", "HTTP+JSON"]:
            for streaming in [False, True]:
                found[f"{transport} {'streamed' if streaming else 'whole'}"] = await ask(http, card, transport, streaming)
        print(json.dumps(found))


asyncio.run(main())
