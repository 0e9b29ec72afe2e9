"""The OpenAI Agents SDK behind FastAPI: an agent with one tool, answering as our agents do."""
import os

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from fastapi import FastAPI
from openai import AsyncOpenAI
from pydantic import BaseModel

# Traces would go to OpenAI.
set_tracing_disabled(True)


@function_tool
def add(a: float, b: float) -> float:
    """Adds two numbers, exactly."""
    return a + b


client = AsyncOpenAI(base_url=os.environ["MODEL_URL"], api_key="none")
model = OpenAIChatCompletionsModel(model="quick", openai_client=client)
agent = Agent(name="amber", instructions="Use the tool.", model=model, tools=[add])
app = FastAPI()


class Observation(BaseModel):
    input: str


@app.get("/ready")
async def ready() -> str:
    return "ok"


@app.post("/agents/amber/observe")
async def observe(observation: Observation) -> dict:
    ended = await Runner.run(agent, observation.input)
    return {"output": ended.final_output}
