//! Agents written in Rust: what one is, what it is given, and why it may fail.

mod course;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use skreaver_memory::{Memory, MemoryError};
use skreaver_protocol::config::GoalConfig;
use skreaver_protocol::message::Message;
use skreaver_protocol::problem::Code;
use skreaver_protocol::{AgentName, Caller, SessionId};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

pub(crate) use course::Course;

use crate::coordinator::Failure;

/// An agent written in Rust. It takes the place of a model in its runs: queue, limits, sessions, policies, events and the
/// journal are the same for it, and each round of tool calls counts as a turn.
///
/// # After a crash
/// What an agent holds in its variables dies with the process. Where its runs are kept (the agent has memory), the run is taken
/// up and [`Agent::observe`] is called again with the same input. Its tool calls are in the journal: those whose outcome is
/// written down are answered from there and not made again. So an agent has to ask for the same tools, with the same arguments
/// and in the same order, when it is told the same; one that does not fails with a sentence. Everything else that it does
/// happens again.
#[async_trait]
pub trait Agent: Send + Sync {
    /// Takes what it is told to its answer. That is what its caller says or, where the answer before did not reach the goal or
    /// had not the demanded form, a sentence that says so.
    ///
    /// # Errors
    /// [`AgentError`], with which the run ends.
    async fn observe(&self, context: &Context, input: &str) -> Result<String, AgentError>;

    /// What its runs are to reach: they go on until the check is true or a limit is reached. It comes before the goal of the
    /// configuration. Default: none.
    fn goal(&self) -> Option<GoalConfig> {
        None
    }
}

/// Why an agent has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// It gives up. Told to the caller word for word.
    #[error("{0}")]
    Failed(String),
    /// A tool call came to nothing. Told under the code of that.
    #[error(transparent)]
    Call(#[from] Failure),
    /// Its memory did not do what it was asked to.
    #[error("the agent's memory cannot be used")]
    Memory(#[from] MemoryError),
}

impl AgentError {
    fn failure(self) -> Failure {
        match self {
            Self::Failed(detail) => Failure::new(Code::AgentFailed, detail),
            Self::Call(failure) => failure,
            Self::Memory(error) => {
                let retry_after = error.is_passing().then_some(1);
                Failure { retry_after, ..Failure::new(Code::MemoryUnavailable, error.to_string()) }
            }
        }
    }
}

/// What an agent is given for one run.
pub struct Context {
    agent: AgentName,
    run: Uuid,
    caller: Caller,
    session: Option<SessionId>,
    summary: Option<String>,
    history: Vec<Message>,
    memory: Option<Arc<dyn Memory>>,
    door: mpsc::UnboundedSender<Request>,
}

/// A tool call that the agent asks for.
struct Request {
    tool: String,
    arguments: Value,
    reply: oneshot::Sender<Result<Value, Failure>>,
}

impl Context {
    /// Calls a tool of the agent, if its policy lets it, on behalf of the run's caller. Calls that are awaited together run
    /// together.
    ///
    /// # Errors
    /// [`Failure`], which the agent may do something about: an unknown tool, a refusal, or what the tool says itself.
    pub async fn call(&self, tool: &str, arguments: Value) -> Result<Value, Failure> {
        let (reply, outcome) = oneshot::channel();
        let gone = || Failure::new(Code::Internal, "the run is over");
        self.door.send(Request { tool: tool.to_owned(), arguments, reply }).map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }

    /// The name of the agent.
    pub fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// The id of the run.
    pub fn run(&self) -> Uuid {
        self.run
    }

    /// On whose behalf it runs.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The session that the run belongs to, if it does to one.
    pub fn session(&self) -> Option<&SessionId> {
        self.session.as_ref()
    }

    /// What was said before, in the session and in this run, oldest first.
    pub fn history(&self) -> &[Message] {
        &self.history
    }

    /// What stands for a conversation before that.
    pub fn summary(&self) -> Option<&str> {
        self.summary.as_deref()
    }

    /// What the agent keeps for itself, apart from sessions and journal; nothing for an agent without memory.
    pub fn memory(&self) -> Option<&Arc<dyn Memory>> {
        self.memory.as_ref()
    }
}
