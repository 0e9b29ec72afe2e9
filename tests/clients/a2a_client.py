"""Asks agents with the official SDK of A2A, over each transport that their cards name: a2a_client.py URL KEEPS FORGETS [KEY].

The first agent has memory, and a tool `uppercase` whose calls people have to approve; the second has no memory. Neither has a
model: they answer with what they are told. Prints one JSON object, by agent and transport. A failure is the name of the SDK's type.
"""

import asyncio
import json
import sys

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.client.auth import AuthInterceptor, CredentialService
from a2a.client.client import ClientCallContext
from a2a.types import a2a_pb2 as types

url, keeps, forgets, *key = sys.argv[1:]
PUSH = "http://a.example"


class Key(CredentialService):
    async def get_credentials(self, security_scheme_name, context):
        return key[0] if key and security_scheme_name == "bearer" else None


def message(text, part=None, **more):
    part = part or types.Part(text=text)
    return types.SendMessageRequest(message=types.Message(message_id="m1", role=types.ROLE_USER, parts=[part], **more))


async def fails(answer):
    """How a call fails, if it does."""
    try:
        if hasattr(answer, "__aiter__"):
            async for _ in answer:
                pass
        else:
            await answer
    except Exception as error:  # What it is is what is asked for.
        return type(error).__name__
    return None


async def told(client, request):
    return [event async for event in client.send_message(request)]


def kinds(events):
    names = [event.WhichOneof("payload") for event in events]
    return [names[0], names[-1]]


def state(task):
    return types.TaskState.Name(task.status.state).removeprefix("TASK_STATE_")


class Clients:
    """Clients of one agent over one transport."""

    def __init__(self, http, card, transport):
        self.http, self.card, self.transport = http, card, transport

    def make(self, card=None, known=True, **more):
        config = ClientConfig(httpx_client=self.http, supported_protocol_bindings=[self.transport], **more)
        return ClientFactory(config).create(card or self.card, [AuthInterceptor(Key())] if known else [])

    async def refusals(self, task_id):
        """What no agent of ours offers, and what is wrong with a request."""
        client = self.make()
        named = {"task_id": task_id, "id": "c"}
        pushed = self.make(push_notification_config=types.TaskPushNotificationConfig(url=PUSH))
        extended = types.AgentCard()
        extended.CopyFrom(self.card)
        extended.capabilities.extended_agent_card = True
        old = ClientCallContext(service_parameters={"A2A-Version": "0.3"})
        raw = types.Part(raw=b"x", media_type="image/png")
        card = await client.get_extended_agent_card(types.GetExtendedAgentCardRequest())
        return {
            "push": [
                await fails(client.create_task_push_notification_config(types.TaskPushNotificationConfig(task_id=task_id, url=PUSH))),
                await fails(client.get_task_push_notification_config(types.GetTaskPushNotificationConfigRequest(**named))),
                await fails(client.list_task_push_notification_configs(types.ListTaskPushNotificationConfigsRequest(task_id=task_id))),
                await fails(client.delete_task_push_notification_config(types.DeleteTaskPushNotificationConfigRequest(**named))),
                await fails(pushed.send_message(message("Hello"))),
            ],
            "extended": [card.name, await fails(self.make(card=extended).get_extended_agent_card(types.GetExtendedAgentCardRequest()))],
            "wrong": [
                await fails(client.send_message(message("", part=raw))),
                await fails(client.list_tasks(types.ListTasksRequest(page_size=1000))),
                await fails(client.get_task(types.GetTaskRequest(id=task_id), context=old)),
            ],
        }

    async def lost(self, task_id):
        """A task that is not there."""
        client = self.make()
        return [
            await fails(client.get_task(types.GetTaskRequest(id=task_id))),
            await fails(client.cancel_task(types.CancelTaskRequest(id=task_id))),
            await fails(client.subscribe(types.SubscribeToTaskRequest(id=task_id))),
            await fails(client.send_message(message("more", task_id=task_id))),
        ]

    async def strangers(self, task_id):
        """Who proves nothing, where that is asked for."""
        client = self.make(known=False)
        return [
            await fails(client.get_task(types.GetTaskRequest(id=task_id))),
            await fails(client.send_message(message("Hello"))),
        ]


async def ask_who_keeps(clients):
    client = clients.make()
    whole = await told(clients.make(streaming=False), message("Hello"))
    streamed = await told(client, message("Hello"))
    task = await client.get_task(types.GetTaskRequest(id=streamed[0].task.id))
    bare = await client.get_task(types.GetTaskRequest(id=task.id, history_length=0))
    again = await told(client, message("Again", context_id=task.context_id))
    first = await client.list_tasks(types.ListTasksRequest(context_id=task.context_id, page_size=1))
    rest = await client.list_tasks(
        types.ListTasksRequest(context_id=task.context_id, page_size=1, page_token=first.next_page_token, include_artifacts=True)
    )
    done = await client.list_tasks(types.ListTasksRequest(context_id=task.context_id, status=types.TASK_STATE_COMPLETED))
    over = {"id": task.id}
    return {
        "kinds": [kinds(whole), kinds(streamed)],
        "state": [state(whole[0].task), state(task)],
        "text": task.artifacts[0].parts[0].text,
        "said": [task.history[0].parts[0].text, len(bare.history)],
        "listed": [[found.id for found in page.tasks] == [wanted] for page, wanted in [(first, again[0].task.id), (rest, task.id)]],
        "pages": [first.total_size, done.total_size, rest.next_page_token, len(first.tasks[0].artifacts), len(rest.tasks[0].artifacts)],
        "over": [
            await fails(client.cancel_task(types.CancelTaskRequest(**over))),
            await fails(client.subscribe(types.SubscribeToTaskRequest(**over))),
            await fails(client.send_message(message("more", task_id=task.id))),
        ],
        "lost": await clients.lost("nobody"),
        "waits": await wait(clients),
        "strangers": await clients.strangers(task.id),
        **await clients.refusals(task.id),
    }


async def wait(clients):
    """A task that waits for people, which is followed and called off."""
    client = clients.make()
    begun = (await told(clients.make(streaming=False, polling=True), message("uppercase:a")))[0].task
    waiting = (await told(clients.make(streaming=False), message("uppercase:b")))[0].task
    followed = client.subscribe(types.SubscribeToTaskRequest(id=waiting.id))
    events = [await anext(followed)]
    cancelled = await client.cancel_task(types.CancelTaskRequest(id=waiting.id))
    events += [event async for event in followed]
    await client.cancel_task(types.CancelTaskRequest(id=begun.id))
    return {
        "begun": state(begun),
        "state": state(waiting),
        "why": "approve" in waiting.status.message.parts[0].text,
        "followed": [*kinds(events), state(events[-1].status_update)],
        "cancelled": state(cancelled),
    }


async def ask_who_forgets(clients):
    client = clients.make()
    whole = await told(clients.make(streaming=False), message("Hello"))
    streamed = await told(client, message("Hello"))
    nowhere = "01900000-0000-7000-8000-000000000000"
    return {
        "kinds": [kinds(whole), kinds(streamed), len(streamed)],
        "text": [whole[0].message.parts[0].text, streamed[0].message.parts[0].text],
        "listed": len((await client.list_tasks(types.ListTasksRequest())).tasks),
        "lost": await clients.lost(nowhere),
        "context": await fails(client.send_message(message("Hello", context_id="c"))),
        "strangers": await clients.strangers(nowhere),
        **await clients.refusals(nowhere),
    }


async def main():
    async with httpx.AsyncClient(timeout=20) as http:
        found = {}
        for agent, ask in [(keeps, ask_who_keeps), (forgets, ask_who_forgets)]:
            card = await A2ACardResolver(http, f"{url}/agents/{agent}").get_agent_card()
            transports = [interface.protocol_binding for interface in card.supported_interfaces]
            found[agent] = {transport: await ask(Clients(http, card, transport)) for transport in transports}
        print(json.dumps(found))


asyncio.run(main())
