//! Another agent as a tool: it is told the input, and its answer is the result.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use skreaver_effects::http::{self, Answer};
use skreaver_effects::{Content, EffectError};
use skreaver_policy::Permit;
use skreaver_policy::bounds::{Host, shown};
use skreaver_protocol::config::AgentToolConfig;
use skreaver_protocol::problem::{Code, Problem as Told};
use skreaver_protocol::rest::{ObserveRequest, ObserveResponse};
use skreaver_protocol::trace_context::TRACEPARENT;
use skreaver_protocol::{AgentName, Caller};
use skreaver_tools::{Tool, ToolError};
use tokio::time::timeout;

use crate::headers::Headers;
use crate::hops;
use crate::http::template::base;
use crate::problem::Problem;
use crate::shape::Shape;
use crate::trace;
use crate::world::{World, told};

/// The header by which a repeated call joins the run that the first one began.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The agents of this process.
#[async_trait]
pub trait Observe: Send + Sync {
    /// Tells an agent something and waits for its answer. A call id that came before joins the run that it began.
    ///
    /// # Errors
    /// A sentence with the code of the problem and what it is about.
    async fn observe(&self, asked: Asked<'_>) -> Result<String, String>;
}

/// What an agent of this process is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The agent.
    pub agent: &'a AgentName,
    /// What it is told.
    pub input: &'a str,
    /// The idempotency key, where the agent has memory: the same when the call is made again after a crash.
    pub call: &'a str,
    /// On whose behalf: what the agent does for it belongs to them.
    pub caller: &'a Caller,
    /// Through how many agents the call has come, the one that asks included: what the tools of its run are called
    /// [`within`](hops::within).
    pub hops: u8,
}

/// Another agent as a tool.
pub struct AgentTool {
    agent: AgentName,
    description: String,
    input: Shape,
    timeout: Duration,
    way: Way,
}

enum Way {
    Http(Http),
    Here(Arc<dyn Observe>),
}

struct Http {
    world: World,
    url: String,
    /// The header by which the agent is told who asks, if it is.
    token: Headers,
}

/// The host and port that the spec names: the place of the agent's own that `Own.places` takes.
pub fn places(config: &AgentToolConfig) -> Vec<(Host, u16)> {
    config.url.as_deref().and_then(|url| base(url).ok()).map(|(template, _)| template.place()).into_iter().collect()
}

impl AgentTool {
    /// Compiles a declaration. Without a URL the agent is one of `here`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn compile(config: &AgentToolConfig, world: &World, here: &Arc<dyn Observe>) -> Result<Self, Vec<Problem>> {
        let AgentToolConfig { agent, description, url, token, timeout } = config;
        let mut problems = Vec::new();
        let way = match url {
            None => Some(Way::Here(Arc::clone(here))),
            Some(url) => match base(url) {
                Ok((_, base)) => {
                    let url = format!("{base}/agents/{agent}/observe");
                    Some(Way::Http(Http { world: world.clone(), url, token: Headers::bearer(token.as_ref()) }))
                }
                Err(found) => {
                    problems.extend(found.into_iter().map(|why| Problem::new("url", why)));
                    None
                }
            },
        };
        if timeout.get().is_zero() {
            problems.push(Problem::new("timeout", "no answer takes no time: write more than 0"));
        }
        let Some(way) = way.filter(|_| problems.is_empty()) else { return Err(problems) };
        let text = json!({"type": "string", "description": "What the agent is told."});
        let schema = json!({"type": "object", "properties": {"input": text}, "required": ["input"]});
        let input = Shape::of_arguments(schema).expect("our own schema is one");
        let description = description.clone().unwrap_or_else(|| format!("Asks the agent `{agent}`."));
        Ok(Self { agent: agent.clone(), description, input, timeout: timeout.get(), way })
    }

    async fn over_http(&self, way: &Http, permit: &Permit, input: String, hops: u8) -> Result<String, ToolError> {
        let Http { world, url, token } = way;
        let request = json!(ObserveRequest { input, session: None });
        let sent = token.read(&*world.secrets).map_err(ToolError::Failed)?;
        let ask = |key: Option<&str>| {
            let mut headers = sent.headers.clone();
            headers.insert(hops::HEADER.to_owned(), hops.to_string());
            headers.extend(trace::onwards(permit.id()).map(|span| (TRACEPARENT.to_owned(), span)));
            headers.extend(key.map(|key| (IDEMPOTENCY_KEY.to_owned(), key.to_owned())));
            http::Send { url: url.clone(), headers, body: None, json: Some(request.clone()) }
        };
        let (guard, bounds) = (&world.guard, permit.bounds());
        let answer = http::post(guard, bounds, ask(Some(permit.id()))).await.map_err(told)?;
        match self.output(answer) {
            // Without memory it joins nothing, and it has not begun: it is asked once more, for this call alone.
            Err((Some(Code::MemoryRequired), _)) => {
                let answer = http::post(guard, bounds, ask(None)).await.map_err(told)?;
                self.output(answer).map_err(|(_, why)| ToolError::Failed(sent.masked(why)))
            }
            answered => answered.map_err(|(_, why)| ToolError::Failed(sent.masked(why))),
        }
    }

    /// The output, or the code and the text of the problem.
    fn output(&self, answer: Answer) -> Result<String, (Option<Code>, String)> {
        let agent = &self.agent;
        let Content::Text(text) = answer.content else { return Err((None, format!("the answer of agent `{agent}` is no text"))) };
        if answer.status == 200 {
            let response: Result<ObserveResponse, _> = serde_json::from_str(&text);
            return response.map(|response| response.output).map_err(|error| {
                (None, format!("the answer of agent `{agent}` is none of an agent: {}", shown(&error.to_string())))
            });
        }
        match serde_json::from_str::<Told>(&text) {
            Ok(problem) => {
                let code = serde_json::to_value(problem.code).ok().and_then(|code| code.as_str().map(str::to_owned));
                let code_text = code.unwrap_or_default();
                Err((Some(problem.code), format!("agent `{agent}`: {code_text}: {}", shown(&problem.detail))))
            }
            Err(_) => Err((None, format!("agent `{agent}` answered {}: {}", answer.status, shown(&text)))),
        }
    }
}

#[async_trait]
impl Tool for AgentTool {
    fn description(&self) -> &str {
        &self.description
    }

    fn input_schema(&self) -> Value {
        self.input.schema().clone()
    }

    fn output_schema(&self) -> Option<Value> {
        Some(json!({"type": "string"}))
    }

    fn arguments_from_text(&self, text: &str) -> Value {
        json!({ "input": text })
    }

    // Not idempotent: a repeat joins the running run only where the other agent has memory, and that is not known here.

    async fn run(&self, permit: Permit, arguments: Value) -> Result<Value, ToolError> {
        self.input.check(&arguments).map_err(ToolError::InvalidArguments)?;
        let input = arguments["input"].as_str().unwrap_or_default().to_owned();
        let hops = hops::current().saturating_add(1);
        if hops > hops::MOST {
            let most = hops::MOST;
            let why = format!("this call came through {most} agents, which is the most: agents ask each other in a circle");
            return Err(ToolError::Failed(why));
        }
        let limit = self.timeout.min(permit.bounds().limits().timeout);
        let answered = timeout(limit, async {
            match &self.way {
                Way::Http(way) => self.over_http(way, &permit, input, hops).await,
                Way::Here(agents) => {
                    let asked = Asked { agent: &self.agent, input: &input, call: permit.id(), caller: permit.caller(), hops };
                    agents.observe(asked).await.map_err(|why| ToolError::Failed(format!("agent `{}`: {why}", self.agent)))
                }
            }
        });
        let answered = answered.await.unwrap_or_else(|_| Err(told(EffectError::TimedOut { limit })));
        answered.map(Value::String)
    }
}
