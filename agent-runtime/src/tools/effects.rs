//! Tools that do something to the world: HTTP and files. What a permitted call touches is judged where it happens, by the bounds that
//! its permit brings.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use skreaver_effects::{Bounds, EffectError, Guard, files, http};
use skreaver_policy::Permit;
use skreaver_protocol::policy::Mode;
use skreaver_protocol::{AgentName, Builtin, ToolName};
use skreaver_tools::schema;

use super::{Tool, ToolError};
use crate::build::BuildError;
use crate::metrics::Metrics;
use crate::trace::info;

/// The HTTP client of all agents of the process, made when the first tool needs one: its trusted authorities take some memory.
static CLIENT: OnceLock<http::Client> = OnceLock::new();

/// The tools of one agent that do something to the world.
pub(crate) struct Effects {
    agent: AgentName,
    metrics: Arc<Metrics>,
    guard: OnceLock<Guard>,
}

impl Effects {
    pub(crate) fn new(agent: &AgentName, metrics: &Arc<Metrics>) -> Self {
        Self { agent: agent.clone(), metrics: Arc::clone(metrics), guard: OnceLock::new() }
    }

    /// A tool.
    ///
    /// # Errors
    /// [`BuildError`], where the program was built without it, or its client cannot be made.
    pub(crate) fn tool(&self, builtin: Builtin) -> Result<Arc<dyn Tool>, BuildError> {
        let feature = if builtin.needs_files() { "io" } else { "network" };
        let built = [("io", cfg!(feature = "io")), ("network", cfg!(feature = "network"))];
        if built.contains(&(feature, false)) {
            return Err(BuildError::NotBuilt { what: "the tool", feature });
        }
        let name = ToolName::parse(builtin.name()).expect("the names of built-in tools are names");
        let guard = self.guard(&name)?;
        let owner = Some((self.agent.clone(), Arc::clone(&self.metrics)));
        Ok(tool(builtin, Watched { name: builtin.name(), owner, guard: Ok(guard) }))
    }

    /// The guard of a tool that is elsewhere, under the eyes of policies in mode Audit.
    #[cfg(feature = "network")]
    pub(crate) fn guard_of(&self, tool: &ToolName) -> Result<Guard, BuildError> {
        let (agent, metrics, name) = (self.agent.clone(), Arc::clone(&self.metrics), tool.clone());
        Ok(self.guard(tool)?.telling(move |refusal| {
            metrics.refused(Mode::Audit, refusal.policy.as_deref(), None);
            info!(%agent, tool = %name, refusal = %refusal, "an effect would be refused");
        }))
    }

    fn guard(&self, tool: &ToolName) -> Result<Guard, BuildError> {
        let wrong = |problem| BuildError::Tool { agent: self.agent.clone(), tool: tool.clone(), problem };
        let client = client().map_err(wrong)?;
        Ok(self.guard.get_or_init(|| Guard::new(client)).clone())
    }
}

fn client() -> Result<http::Client, String> {
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    let client = http::Client::new().map_err(|error| error.to_string())?;
    Ok(CLIENT.get_or_init(|| client).clone())
}

/// A tool that belongs to no agent yet: what policies in mode Audit would refuse it is logged, and counted nowhere.
pub(super) fn unwatched(builtin: Builtin) -> Arc<dyn Tool> {
    tool(builtin, Watched { name: builtin.name(), owner: None, guard: client().map(Guard::new) })
}

/// What stands between a tool and the world, under the eyes of policies in mode Audit.
struct Watched {
    name: &'static str,
    /// Whose it is, and where that is counted.
    owner: Option<(AgentName, Arc<Metrics>)>,
    /// Or why there is none.
    guard: Result<Guard, String>,
}

impl Watched {
    /// The guard of one call.
    fn guard(&self) -> Result<Guard, ToolError> {
        let (tool, owner) = (self.name, self.owner.clone());
        let guard = self.guard.as_ref().map_err(|problem| ToolError::Failed(problem.clone()))?;
        Ok(guard.telling(move |refusal| {
            let agent = owner.as_ref().map(|(agent, metrics)| {
                metrics.refused(Mode::Audit, refusal.policy.as_deref(), None);
                agent.as_str()
            });
            info!(agent, tool, refusal = %refusal, "an effect would be refused");
        }))
    }
}

type Run<A, R> = fn(Guard, Arc<Bounds>, A) -> BoxFuture<'static, Result<R, EffectError>>;

/// One of them.
struct Effect<A, R> {
    description: &'static str,
    /// The argument that a bare text stands for.
    text: &'static str,
    is_idempotent: bool,
    watched: Watched,
    run: Run<A, R>,
}

#[async_trait]
impl<A: DeserializeOwned + JsonSchema + Send, R: Serialize + JsonSchema> Tool for Effect<A, R> {
    fn description(&self) -> &str {
        self.description
    }

    fn input_schema(&self) -> Value {
        schema::<A>()
    }

    fn output_schema(&self) -> Option<Value> {
        Some(schema::<R>())
    }

    fn arguments_from_text(&self, text: &str) -> Value {
        json!({ self.text: text })
    }

    fn is_idempotent(&self) -> bool {
        self.is_idempotent
    }

    async fn run(&self, permit: Permit, arguments: Value) -> Result<Value, ToolError> {
        let arguments = serde_json::from_value(arguments).map_err(|error| ToolError::InvalidArguments(error.to_string()))?;
        let result = (self.run)(self.watched.guard()?, Arc::clone(permit.bounds()), arguments).await.map_err(told)?;
        serde_json::to_value(result).map_err(|error| ToolError::Failed(error.to_string()))
    }
}

fn told(error: EffectError) -> ToolError {
    match error {
        EffectError::Arguments { .. } => ToolError::InvalidArguments(error.to_string()),
        EffectError::Refused(refusal) => {
            ToolError::Refused { policy: refusal.policy.as_deref().map(str::to_owned), why: refusal.to_string() }
        }
        error => ToolError::Failed(error.to_string()),
    }
}

/// The table: what each does, which argument a bare text is, whether twice is as good as once, and what runs.
fn tool(builtin: Builtin, watched: Watched) -> Arc<dyn Tool> {
    macro_rules! effect {
        ($description:literal, $text:literal, $is_idempotent:literal, $run:path) => {
            Arc::new(Effect {
                description: $description,
                text: $text,
                is_idempotent: $is_idempotent,
                watched,
                run: |guard, bounds, arguments| Box::pin(async move { $run(&guard, &bounds, arguments).await }),
            })
        };
    }
    match builtin {
        Builtin::HttpGet => effect!("Fetches what stands at a URL.", "url", true, http::get),
        Builtin::HttpPost => effect!("Sends something to a URL.", "url", false, http::post),
        Builtin::HttpPut => effect!("Puts something at a URL.", "url", true, http::put),
        Builtin::HttpPatch => effect!("Changes what stands at a URL.", "url", false, http::patch),
        Builtin::HttpDelete => effect!("Deletes what stands at a URL.", "url", true, http::delete),
        Builtin::FileRead => effect!("Reads a file, or a part of it.", "path", true, files::read),
        Builtin::FileWrite => effect!("Makes a file, or puts a new one in its place.", "path", true, files::write),
        Builtin::FileAppend => effect!("Adds to the end of a file.", "path", false, files::append),
        Builtin::FileDelete => effect!("Deletes a file.", "path", true, files::delete),
        Builtin::FileStat => effect!("Tells what is known of a file or directory.", "path", true, files::stat),
        Builtin::DirectoryList => effect!("Lists what is in a directory.", "path", true, files::list),
        Builtin::DirectoryCreate => effect!("Makes a directory, and those on the way to it.", "path", true, files::create),
        other => unreachable!("`{}` does nothing to the world", other.name()),
    }
}
