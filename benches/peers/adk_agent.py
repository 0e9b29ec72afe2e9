"""Google's ADK, through LiteLLM, behind FastAPI: an agent with one tool, answering as our agents do."""
import os
import uuid

# LiteLLM would fetch its price list when it is imported.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

from fastapi import FastAPI
from google.adk.agents import LlmAgent
from google.adk.models.lite_llm import LiteLlm
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService
from google.genai import types
from pydantic import BaseModel


def add(a: float, b: float) -> dict:
    """Adds two numbers, exactly."""
    return {"result": a + b}


model = LiteLlm(model="openai/quick", api_base=os.environ["MODEL_URL"], api_key="none")
agent = LlmAgent(name="amber", instruction="Use the tool.", model=model, tools=[add])
sessions = InMemorySessionService()
runner = Runner(agent=agent, app_name="bench", session_service=sessions)
app = FastAPI()


class Observation(BaseModel):
    input: str


@app.get("/ready")
async def ready() -> str:
    return "ok"


@app.post("/agents/amber/observe")
async def observe(observation: Observation) -> dict:
    """In a session of its own, so that no history grows."""
    place = {"app_name": "bench", "user_id": "caller", "session_id": uuid.uuid4().hex}
    await sessions.create_session(**place)
    message = types.Content(role="user", parts=[types.Part(text=observation.input)])
    output = ""
    async for event in runner.run_async(user_id="caller", session_id=place["session_id"], new_message=message):
        if event.is_final_response() and event.content and event.content.parts:
            output = event.content.parts[0].text
    await sessions.delete_session(**place)
    return {"output": output}
