//! Which agents are tools of a server, by which names, and for whom.

use std::sync::Arc;

use skreaver_protocol::AgentName;
use skreaver_protocol::auth::Permission;

use super::AgentServer;
use super::server::Offers;
use crate::agent::ServedAgent;
use crate::http::Asker;

/// What stands before the name of an agent where a tool has it.
const ASK: &str = "ask-";

impl AgentServer {
    /// The agents that are tools of this server, by the name of the tool: this one, and the others of a process on a laptop.
    /// In a cluster every agent has a Service of its own.
    fn agents(&self) -> Vec<(String, Arc<ServedAgent>)> {
        if self.offers == Offers::ToolsAlone {
            return Vec::new();
        }
        let this = &self.agent.config().name;
        let is_other = |agent: &Arc<ServedAgent>| self.is_local() && agent.config().name != *this;
        let others = self.runtime.agents().into_iter().filter(is_other);
        let agents = std::iter::once(Arc::clone(&self.agent)).chain(others);
        agents.map(|agent| (self.name_of(&agent.config().name), agent)).collect()
    }

    /// Those of them that somebody may ask.
    pub(super) fn agents_for(&self, asker: &Asker) -> Vec<(String, Arc<ServedAgent>)> {
        let mut agents = self.agents();
        agents.retain(|(_, agent)| asker.may(&agent.config().name, Permission::Observe).is_ok());
        agents
    }

    /// The agent that is a tool of this name for somebody. To who may not ask it, it is not there.
    pub(super) fn agent_for(&self, asker: &Asker, tool: &str) -> Option<Arc<ServedAgent>> {
        let agent = self.agent_called(tool)?;
        let name = &agent.config().name;
        if let Err(refused) = asker.may(name, Permission::Observe) {
            asker.told(refused);
            return None;
        }
        Some(agent)
    }

    /// The agent that is a tool of this name. Asked on every call, so that it looks at no other agent.
    fn agent_called(&self, tool: &str) -> Option<Arc<ServedAgent>> {
        if self.offers == Offers::ToolsAlone || self.is_tool(tool) {
            return None;
        }
        let this = self.agent.config().name.as_str();
        let mut name = tool;
        loop {
            let found = if name == this { Some(Arc::clone(&self.agent)) } else { self.other(name) };
            if found.is_some() {
                return found;
            }
            name = name.strip_prefix(ASK)?;
            if !self.is_tool(name) {
                return None;
            }
        }
    }

    fn other(&self, name: &str) -> Option<Arc<ServedAgent>> {
        if self.is_local() { self.runtime.agent(name) } else { None }
    }

    fn is_tool(&self, name: &str) -> bool {
        self.agent.config().tools.iter().any(|tool| tool.name.as_str() == name)
    }

    /// What an agent is called as a tool: by its name. A tool of that name keeps it, because policies know the tool by it.
    fn name_of(&self, agent: &AgentName) -> String {
        let mut name = agent.to_string();
        while self.is_tool(&name) {
            name.insert_str(0, ASK);
        }
        name
    }
}
