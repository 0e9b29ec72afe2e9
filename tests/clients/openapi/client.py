"""Drives the client that openapi-python-client made of the document. Usage: client.py URL AGENT, with the client in PYTHONPATH."""

import json
import sys
from uuid import UUID

from skreaver_agent_runtime_client import Client
from skreaver_agent_runtime_client.api.agents import list_agents, observe
from skreaver_agent_runtime_client.api.runs import run_status
from skreaver_agent_runtime_client.models import ObserveRequest

url, agent = sys.argv[1:]
client = Client(base_url=url)
agents = list_agents.sync(client=client)
answer = observe.sync(agent, client=client, body=ObserveRequest(input_="uppercase:hello"))
refused = observe.sync(agent, client=client, body=ObserveRequest(input_="levitate:x"))
unknown = run_status.sync("nobody", UUID(int=1), client=client)
print(json.dumps({
    "agents": [summary.id for summary in agents.agents],
    "output": answer.output,
    "codes": [str(refused.code), str(unknown.code)],
}))
