"""Asks an agent with the official client of OpenAI: openai_client.py URL AGENT [KEY FORBIDDEN].

The agent has no model: it answers with what it is told, and `add:1 2` runs its tool. Prints one JSON object.
"""

import json
import sys

import openai

url, agent, *known = sys.argv[1:]
key, forbidden = known or ("unused", None)
client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
stranger = openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0)
HELLO = [{"role": "user", "content": "Hello"}]


def fails(call):
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.code, error.param]
    return None


whole = client.chat.completions.create(model=agent, messages=[{"role": "system", "content": "Be short."}, {"role": "user", "content": "add:1 2"}])
with client.chat.completions.stream(model=agent, messages=HELLO, stream_options={"include_usage": True}) as stream:
    told = [event.delta for event in stream if event.type == "content.delta"]
    final = stream.get_final_completion()
response = client.responses.create(model=agent, input="Hello")
with client.responses.stream(model=agent, input="Hello") as stream:
    kinds = [event.type for event in stream]
    streamed = stream.get_final_response()
nowhere = "resp_01900000-0000-7000-8000-000000000000"
print(json.dumps({
    "models": [model.id for model in client.models.list()],
    "model": client.models.retrieve(agent).owned_by,
    "whole": [whole.choices[0].message.content, whole.choices[0].finish_reason],
    "streamed": ["".join(told), final.choices[0].finish_reason, final.usage.total_tokens],
    "response": [response.output_text, response.status],
    "response streamed": [streamed.output_text, kinds[0], kinds[-1]],
    "errors": [
        fails(lambda: client.chat.completions.create(model="nobody", messages=HELLO)),
        fails(lambda: client.models.retrieve("nobody")),
        fails(lambda: client.chat.completions.create(model=agent, messages=HELLO, n=2)),
        fails(lambda: client.chat.completions.create(model=agent, messages=[{"role": "user", "content": "add:one"}])),
        fails(lambda: client.responses.create(model=agent, input="Hello", previous_response_id=nowhere)),
    ],
    "refused": forbidden and [
        fails(lambda: stranger.models.list()),
        fails(lambda: stranger.chat.completions.create(model=agent, messages=HELLO, stream=True)),
        fails(lambda: client.responses.create(model=forbidden, input="Hello")),
    ],
}))
