"""Pydantic-AI behind FastAPI: an agent with one tool, answering as our agents do."""
import os

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

provider = OpenAIProvider(base_url=os.environ["MODEL_URL"], api_key="none")
agent = Agent(OpenAIChatModel("quick", provider=provider), instructions="Use the tool.")


@agent.tool_plain
def add(a: float, b: float) -> float:
    """Adds two numbers, exactly."""
    return a + b


app = FastAPI()


class Observation(BaseModel):
    input: str


@app.get("/ready")
async def ready() -> str:
    return "ok"


@app.post("/agents/amber/observe")
async def observe(observation: Observation) -> dict:
    ended = await agent.run(observation.input)
    return {"output": ended.output}
