"""Asks a model with the official clients of OpenAI and Anthropic, whole and streamed: model_clients.py URL.

The model must ask for the tool `add` with 2 and 3 and then tell its result, know the model `mock` only, and take the key
`amber` only. Prints one JSON object: for each client and way what came back.
"""

import json
import sys

import anthropic
import openai

QUESTION = {"role": "user", "content": "What is 2 and 3?"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}
OPENAI_TOOLS = [{"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": SCHEMA}}]
ANTHROPIC_TOOLS = [{"name": "add", "description": "Adds.", "input_schema": SCHEMA}]


def openai_whole(client, messages):
    completion = client.chat.completions.create(model="mock", messages=messages, tools=OPENAI_TOOLS)
    return completion, []


def openai_streamed(client, messages):
    """The helper of the library assembles the chunks, and refuses those that do not fit together."""
    told = []
    options = {"include_usage": True}
    with client.chat.completions.stream(model="mock", messages=messages, tools=OPENAI_TOOLS, stream_options=options) as stream:
        for event in stream:
            if event.type == "content.delta":
                told.append(event.delta)
        return stream.get_final_completion(), told


def openai_turns(client, ask):
    first, _ = ask(client, [QUESTION])
    message = first.choices[0].message
    call = message.tool_calls[0]
    asked = {
        "role": "assistant",
        "tool_calls": [{"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": call.function.arguments}}],
    }
    answered = {"role": "tool", "tool_call_id": call.id, "content": "5"}
    second, told = ask(client, [QUESTION, asked, answered])
    return {
        "tool": call.function.name,
        "arguments": json.loads(call.function.arguments),
        "stops": [first.choices[0].finish_reason, second.choices[0].finish_reason],
        "text": second.choices[0].message.content,
        "told": told,
        "tokens": [second.usage.prompt_tokens, second.usage.completion_tokens],
    }


def anthropic_whole(client, messages):
    return client.messages.create(model="mock", max_tokens=64, messages=messages, tools=ANTHROPIC_TOOLS), []


def anthropic_streamed(client, messages):
    with client.messages.stream(model="mock", max_tokens=64, messages=messages, tools=ANTHROPIC_TOOLS) as stream:
        told = list(stream.text_stream)
        return stream.get_final_message(), told


def anthropic_turns(client, ask):
    first, _ = ask(client, [QUESTION])
    call = first.content[0]
    asked = {"role": "assistant", "content": [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}]}
    answered = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "5"}]}
    second, told = ask(client, [QUESTION, asked, answered])
    return {
        "tool": call.name,
        "arguments": call.input,
        "stops": [first.stop_reason, second.stop_reason],
        "text": second.content[0].text,
        "told": told,
        "tokens": [second.usage.input_tokens, second.usage.output_tokens],
    }


def error(call):
    """The name of the exception that the library makes of a refusal."""
    try:
        call()
    except (openai.APIError, anthropic.APIError) as refusal:
        return type(refusal).__name__
    return None


def openai_errors(url):
    def ask(key, model, messages):
        client = openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
        return error(lambda: client.chat.completions.create(model=model, messages=messages))

    stray = {"role": "tool", "tool_call_id": "nobody_asked", "content": "5"}
    return [ask("basalt", "mock", [QUESTION]), ask("amber", "other", [QUESTION]), ask("amber", "mock", [QUESTION, stray])]


def anthropic_errors(url):
    def ask(key, model, messages):
        client = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)
        return error(lambda: client.messages.create(model=model, max_tokens=64, messages=messages))

    stray = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "nobody_asked", "content": "5"}]}
    return [ask("basalt", "mock", [QUESTION]), ask("amber", "other", [QUESTION]), ask("amber", "mock", [stray])]


def main(url):
    of_openai = openai.OpenAI(base_url=url + "/v1", api_key="amber", max_retries=0)
    of_anthropic = anthropic.Anthropic(base_url=url, api_key="amber", max_retries=0)
    found = {
        "models": [model.id for model in of_openai.models.list()],
        "openai": {
            "whole": openai_turns(of_openai, openai_whole),
            "streamed": openai_turns(of_openai, openai_streamed),
            "errors": openai_errors(url),
        },
        "anthropic": {
            "whole": anthropic_turns(of_anthropic, anthropic_whole),
            "streamed": anthropic_turns(of_anthropic, anthropic_streamed),
            "errors": anthropic_errors(url),
        },
    }
    print(json.dumps(found))


main(sys.argv[1])
