//! Tools behind the door of a `security.toml`, without an agent around them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use skreaver_policy::Policy;
use skreaver_policy::bounds::{Ground, Own};
use skreaver_protocol::policy::PolicyBundle;
use skreaver_protocol::{AgentName, Caller, NameError, ToolName};
use uuid::Uuid;

use super::{SecurityConfig, SecurityError};
use crate::audit::{AuditLog, Auditor, Logs};
use crate::metrics::Metrics;
use crate::tools::{ExecutionResult, Input, Tool, ToolCall, Toolbox};

/// Puts tools behind the door of a [`SecurityConfig`]: the same door as that of agents.
///
/// ```
/// use skreaver::tools::TextUppercaseTool;
/// use skreaver::{SecurityConfig, SecurityManager};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = SecurityConfig::parse("[[rules]]\nname = \"short\"\ntools = [\"*\"]\naction = \"Allow\"\nmaxArgumentBytes = 40\n")?;
/// let shout = SecurityManager::new(config)?.secure_tool("uppercase", TextUppercaseTool::new())?;
/// assert_eq!(shout.call(serde_json::json!({"text": "basalt"})).await?.output, "BASALT");
/// let refused = shout.call(serde_json::json!({"text": "basalt".repeat(10)})).await.unwrap_err();
/// assert!(refused.to_string().contains("rule `short`"), "{refused}");
/// # Ok(()) }
/// ```
pub struct SecurityManager {
    policy: Policy,
    metrics: Arc<Metrics>,
    logs: Arc<Logs>,
}

/// A tool that runs only as its [`SecurityManager`] lets it.
pub struct SecuredTool {
    name: ToolName,
    toolbox: Toolbox,
}

impl SecurityManager {
    /// A manager that decides as this says.
    ///
    /// # Errors
    /// [`SecurityError::Unfit`], with everything in it that cannot be compiled.
    pub fn new(config: SecurityConfig) -> Result<Self, SecurityError> {
        let bundle = PolicyBundle { policies: vec![config.policy()], ..PolicyBundle::default() };
        let policy = Policy::compile(&bundle).map_err(|problems| SecurityError::Unfit {
            problems: problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        })?;
        Ok(Self { policy, metrics: Arc::new(Metrics::new()), logs: Arc::new(Logs::new(Vec::new())) })
    }

    /// The same, and every decision is recorded in this log.
    #[must_use]
    pub fn audit(self, log: AuditLog) -> Self {
        Self { logs: Arc::new(Logs::new(vec![log])), ..self }
    }

    /// A tool behind the door, under the name by which rules know it. Each has rate limits of its own.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn secure_tool(&self, name: &str, tool: impl Tool + 'static) -> Result<SecuredTool, NameError> {
        let name = ToolName::parse(name)?;
        let tools = BTreeMap::from([(name.clone(), Arc::new(tool) as Arc<dyn Tool>)]);
        Ok(SecuredTool { name, toolbox: self.toolbox(tools) })
    }

    /// Tools behind the door.
    pub(crate) fn toolbox(&self, tools: BTreeMap<ToolName, Arc<dyn Tool>>) -> Toolbox {
        let agent = AgentName::parse("library").expect("it is a name");
        let own = Own { ground: Ground::Laptop, ..Own::default() };
        Toolbox::new(
            agent,
            tools,
            self.policy.clone(),
            own,
            Arc::clone(&self.metrics),
            Auditor::new(Arc::clone(&self.logs), None),
        )
    }
}

impl SecuredTool {
    /// Calls it, if that may be.
    ///
    /// # Errors
    /// [`CallError`](crate::tools::CallError).
    pub async fn call(&self, arguments: Value) -> ExecutionResult {
        let call = ToolCall {
            tool: self.name.to_string(),
            input: Input::Arguments(arguments),
            caller: Caller::Anonymous,
            session: None,
            read: None,
            id: Uuid::now_v7().to_string(),
            approved: None,
        };
        self.toolbox.call(call).await
    }
}
