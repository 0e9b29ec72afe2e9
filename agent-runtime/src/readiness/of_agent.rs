//! The components of one agent: what they are called, how they begin, and how they do.

use std::sync::Arc;

use skreaver_protocol::ToolName;
use skreaver_protocol::config::{AgentConfig, ReadinessMode, ToolConfig, ToolSource};
use skreaver_protocol::rest::{ComponentReason, ComponentState};

use super::Components;
use crate::agent::Report;
#[cfg(feature = "network")]
use crate::tools::remote::ReportSource;

pub(crate) const POLICY: &str = "policy";
const MEMORY: &str = "memory";
pub(crate) const MODEL: &str = "model";
/// What stands before the name of a source of tools in the name of its component.
const TOOL: &str = "tool:";

/// The components of one agent among all.
pub(crate) struct AgentComponents {
    all: Arc<Components>,
    /// What stands before their names: the agent's name, where several agents share the process.
    prefix: String,
    /// How they begin, and whether they are told only.
    first: Vec<(String, ComponentState, bool)>,
    #[cfg(feature = "network")]
    is_lenient: bool,
}

impl AgentComponents {
    /// Those of an agent, none of which is told yet. `policy` is how its policies begin.
    pub(crate) fn new(all: &Arc<Components>, config: &AgentConfig, is_several: bool, policy: ComponentState) -> Self {
        let is_lenient = config.readiness == ReadinessMode::Lenient;
        let mut this = Self {
            all: Arc::clone(all),
            prefix: if is_several { format!("{}/", config.name) } else { String::new() },
            first: Vec::new(),
            #[cfg(feature = "network")]
            is_lenient,
        };
        for ToolConfig { name, required, source } in &config.tools {
            if matches!(source, ToolSource::Mcp(_)) {
                this.first.push((this.name(&of_source(name)), ComponentState::NotReady, !required));
            }
        }
        this.first.push((this.name(POLICY), policy, false));
        if config.memory.is_some() {
            this.first.push((this.name(MEMORY), ComponentState::NotReady, false));
        }
        if !config.models.is_empty() {
            // Judged from real questions alone, and good until one fails.
            this.first.push((this.name(MODEL), ComponentState::Ready, is_lenient));
        }
        this
    }

    pub(crate) fn all(&self) -> &Arc<Components> {
        &self.all
    }

    /// What one of them is called.
    pub(crate) fn name(&self, part: &str) -> String {
        format!("{}{part}", self.prefix)
    }

    /// From now on they are told.
    pub(crate) fn begin(&self) {
        for (name, state, is_told_only) in &self.first {
            if *is_told_only {
                self.all.tell_only(name);
            }
            self.all.add(name.clone(), *state);
        }
    }

    /// They are told no longer: the agent is gone.
    pub(crate) fn end(&self) {
        self.first.iter().for_each(|(name, ..)| self.all.remove(name));
    }

    /// Sets the state of one of them.
    pub(crate) fn set(&self, part: &str, state: ComponentState, reason: Option<ComponentReason>, message: Option<String>) {
        self.all.set(&self.name(part), state, reason, message);
    }
}

fn of_source(name: &ToolName) -> String {
    format!("{TOOL}{name}")
}

impl Report for AgentComponents {
    fn memory(&self, state: ComponentState, reason: Option<ComponentReason>, message: Option<String>) {
        self.set(MEMORY, state, reason, message);
    }
}

#[cfg(feature = "network")]
impl ReportSource for AgentComponents {
    fn source(&self, name: &ToolName, state: ComponentState, reason: Option<ComponentReason>, message: Option<String>) {
        self.set(&of_source(name), state, reason, message);
        // A server that is lost later is lost to every replica.
        if state == ComponentState::Ready && self.is_lenient {
            self.all.tell_only(&self.name(&of_source(name)));
        }
    }
}
