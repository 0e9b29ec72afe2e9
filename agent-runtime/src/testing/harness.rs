//! An agent in a runtime of its own, made in a line.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use skreaver_memory::Memory;
use skreaver_model::Model;
use skreaver_protocol::config::{AgentConfig, LimitsConfig, RuntimeConfig};
use skreaver_protocol::problem::Problem;
use skreaver_protocol::rest::ObserveResponse;
use skreaver_protocol::{AgentName, ToolName};
use tokio_util::sync::CancellationToken;

use crate::agent::{Observation, ServedAgent};
use crate::build::{BuildError, Builder};
use crate::custom::Agent;
use crate::runtime::Runtime;
use crate::tools::Tool;

/// The longest that memory may take to open.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an agent under test is made of. Without a model and without code of its own it is a rule agent.
pub struct Harness {
    config: AgentConfig,
    builder: Builder,
    models: Vec<Arc<dyn Model>>,
}

/// An agent under test. What it does in the background ends when this is dropped, as with its process.
pub struct Started {
    runtime: Arc<Runtime>,
    agent: Arc<ServedAgent>,
    stop: CancellationToken,
    work: tokio::task::JoinHandle<()>,
}

impl Harness {
    /// An agent of this name.
    ///
    /// # Panics
    /// When that is no name.
    pub fn new(name: &str) -> Self {
        let config = serde_json::from_value(json!({ "name": name })).expect("the name of an agent is a DNS label");
        Self { config, builder: Runtime::builder(), models: Vec::new() }
    }

    /// A tool of the agent.
    ///
    /// # Panics
    /// When that is no name.
    #[must_use]
    pub fn tool<T: Tool + Clone + 'static>(mut self, name: &str, tool: &T) -> Self {
        let listed = json!({ "name": name, "source": {"type": "Builtin"} });
        self.config.tools.push(serde_json::from_value(listed).expect("it is the name of a tool"));
        self.builder = self.builder.tool(ToolName::parse(name).expect("it is the name of a tool"), Arc::new(tool.clone()));
        self
    }

    /// A tool of the image.
    ///
    /// # Panics
    /// When that is no name.
    #[must_use]
    pub fn builtin(mut self, name: &str) -> Self {
        let listed = json!({ "name": name, "source": {"type": "Builtin"} });
        self.config.tools.push(serde_json::from_value(listed).expect("it is the name of a tool"));
        self
    }

    /// A model of the agent, behind those that it has.
    #[must_use]
    pub fn model<M: Model + 'static>(mut self, model: &Arc<M>) -> Self {
        let place = json!({"provider": "OpenAICompatible", "name": "scripted", "timeout": "5s", "maxAttempts": 1});
        self.config.models.push(serde_json::from_value(place).expect("it is a model's configuration"));
        self.models.push(Arc::clone(model) as Arc<dyn Model>);
        self
    }

    /// The code of the agent, in the place of a model.
    #[must_use]
    pub fn agent(mut self, agent: Arc<dyn Agent>) -> Self {
        self.builder = self.builder.agent(self.config.name.clone(), agent);
        self
    }

    /// What the agent remembers.
    #[must_use]
    pub fn memory<M: Memory + 'static>(mut self, memory: &Arc<M>) -> Self {
        self.builder = self.builder.memory(self.config.name.clone(), Arc::clone(memory) as Arc<dyn Memory>);
        self
    }

    /// Its bounds.
    #[must_use]
    pub fn limits(mut self, limits: LimitsConfig) -> Self {
        self.config.limits = limits;
        self
    }

    /// Whatever else its configuration says.
    #[must_use]
    pub fn configured(mut self, change: impl FnOnce(&mut AgentConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// The agent, ready to answer.
    ///
    /// # Errors
    /// [`BuildError`], as for any runtime.
    ///
    /// # Panics
    /// When its memory does not open.
    pub async fn start(self) -> Result<Started, BuildError> {
        let Self { config, builder, models } = self;
        let name: AgentName = config.name.clone();
        let config = RuntimeConfig { agents: vec![config], cluster: None, auth: None };
        let runtime = Arc::new(builder.models(name.clone(), models).config(config).build()?);
        let stop = CancellationToken::new();
        let work = tokio::spawn({
            let (runtime, stop) = (Arc::clone(&runtime), stop.clone());
            async move { runtime.work(stop).await }
        });
        let readiness = runtime.ready_within(PATIENCE).await;
        assert!(readiness.ready, "the agent is not ready: {:?}", readiness.components);
        let agent = runtime.agent(name.as_str()).expect("it was configured");
        Ok(Started { runtime, agent, stop, work })
    }
}

impl Started {
    /// Takes an observation to its answer.
    ///
    /// # Errors
    /// The [`Problem`] that a caller would be told.
    pub async fn observe(&self, input: &str) -> Result<ObserveResponse, Box<Problem>> {
        self.agent.observe(Observation::new(input)).await
    }

    /// The agent, for all else that it can do.
    pub fn agent(&self) -> &Arc<ServedAgent> {
        &self.agent
    }

    /// The runtime that it is in.
    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    /// Lets its runs come to their end.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // Its own panic is the test's.
        (&mut self.work).await.expect("the work in the background ends");
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.work.abort();
    }
}
