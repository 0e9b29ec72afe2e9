"""LangGraph behind FastAPI: an agent with one tool, answering as our agents do."""
import os

from fastapi import FastAPI
from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


@tool
def add(a: float, b: float) -> float:
    """Adds two numbers, exactly."""
    return a + b


model = ChatOpenAI(model="quick", base_url=os.environ["MODEL_URL"], api_key="none")
agent = create_agent(model, [add], system_prompt="Use the tool.")
app = FastAPI()


class Observation(BaseModel):
    input: str


@app.get("/ready")
async def ready() -> str:
    return "ok"


@app.post("/agents/amber/observe")
async def observe(observation: Observation) -> dict:
    ended = await agent.ainvoke({"messages": [("user", observation.input)]})
    return {"output": ended["messages"][-1].content}
