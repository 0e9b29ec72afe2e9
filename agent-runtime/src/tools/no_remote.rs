//! A build without tools that are elsewhere.

use std::sync::{Arc, Weak};

use skreaver_policy::bounds::{Ground, Host};
use skreaver_protocol::config::ToolConfig;
use skreaver_protocol::{AgentName, ToolName};

use super::{Effects, Tool};
use crate::build::BuildError;
use crate::runtime::Agents;

/// Makes the tools of one agent that are elsewhere: none.
#[allow(dead_code, reason = "it makes nothing, of whatever it is given")]
pub(crate) struct Remote<'a> {
    pub(crate) agent: &'a AgentName,
    pub(crate) effects: &'a Effects,
    pub(crate) siblings: &'a Siblings,
    pub(crate) ground: Ground,
}

/// What an agent has of one configured tool.
#[allow(dead_code, reason = "nothing is made")]
pub(crate) enum Made {
    /// These tools, and the hosts and ports that the configuration names for them.
    Tools { tools: Vec<(ToolName, Arc<dyn Tool>)>, places: Vec<(Host, u16)> },
}

impl Remote<'_> {
    pub(crate) fn make(&self, _: &ToolConfig) -> Result<Made, BuildError> {
        Err(BuildError::NotBuilt { what: "tools that are elsewhere", feature: "network" })
    }
}

/// The other agents of the process.
pub(crate) struct Siblings(#[allow(dead_code, reason = "nobody asks them")] pub(crate) Weak<Agents>);
