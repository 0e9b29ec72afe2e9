"""Writes the calls of AgentDojo's tasks to FOLDER/SUITE.jsonl: first the tools, then one line for each task.

Usage: export.py FOLDER

Every place that AgentDojo lets an attacker write to holds a mark while the ground truth of a user task is carried out. A call
whose result shows the mark has read an attacker's text; a tool is `untrusted` when any of its calls has.
"""

import json
import sys
from pathlib import Path

from agentdojo.functions_runtime import FunctionsRuntime
from agentdojo.task_suite.load_suites import get_suite

VERSION = "v1.2.2"
SUITES = ("workspace", "banking", "slack", "travel")
MARK = "ATTACKER-WROTE-THIS"


def carried_out(suite, runtime, task, vectors):
    """The calls of the ground truth, each with what came of it."""
    environment = suite.load_and_inject_default_environment(vectors)
    if hasattr(task, "init_environment"):  # Tasks of attackers change nothing beforehand.
        environment = task.init_environment(environment)
    for call in task.ground_truth(environment.model_copy(deep=True)):
        result, error = runtime.run_function(environment, call.function, call.args)
        yield {
            "tool": call.function,
            "arguments": dict(call.args),
            "untrusted": MARK in repr(result) or MARK in repr(error),
            "error": error,
        }


def tasks(suite):
    runtime = FunctionsRuntime(suite.tools)
    marks = dict.fromkeys(suite.get_injection_vector_defaults(), MARK)
    for kind, some in (("user", suite.user_tasks), ("injection", suite.injection_tasks)):
        for name, task in some.items():
            calls = list(carried_out(suite, runtime, task, marks))
            # The arguments are those of the ground truth without an attacker: a date, or an account that a text names.
            plain = list(carried_out(suite, runtime, task, {}))
            if [call["tool"] for call in plain] == [call["tool"] for call in calls]:
                for call, honest in zip(calls, plain):
                    call["arguments"], call["error"] = honest["arguments"], honest["error"]
            yield {"kind": kind, "task": name, "calls": calls}


def main(folder):
    for name in SUITES:
        suite = get_suite(VERSION, name)
        lines = list(tasks(suite))
        untrusted = {call["tool"] for line in lines if line["kind"] == "user" for call in line["calls"] if call["untrusted"]}
        tools = [{"name": tool.name, "untrusted": tool.name in untrusted} for tool in suite.tools]
        head = {"suite": name, "version": VERSION, "tools": tools}
        text = "".join(json.dumps(line, default=str) + "\n" for line in [head, *lines])
        (folder / f"{name}.jsonl").write_text(text)


main(Path(sys.argv[1]))
