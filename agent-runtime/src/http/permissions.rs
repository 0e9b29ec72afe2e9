//! What each request needs: the one table of routes and permissions. A route that is not in it is served to nobody where callers
//! are asked who they are.

use axum::http::Method;
use skreaver_protocol::auth::Permission::{self, Admin, Approve, Cancel, Observe, Read};

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing: who asks is not looked at.
    Nothing,
    /// One of these permissions, with the agent that the path names. Where there are several the handler asks for the one that the
    /// body turns out to need.
    Agent(&'static [Permission]),
    /// The same with the only agent that is served.
    OnlyAgent(&'static [Permission]),
    /// The permission with any agent that is served. The handler asks again for each, or tells nothing of them.
    AnyAgent(Permission),
    /// The permission with every agent that is served.
    EveryAgent(Permission),
    /// The permission with every agent that is served, and with the one that the body names, for which the handler asks.
    NewAgent(Permission),
}

#[cfg(feature = "testing")]
impl Needs {
    /// The permissions of which one is needed.
    pub(super) fn permissions(self) -> Vec<Permission> {
        match self {
            Nothing => Vec::new(),
            Agent(permissions) | OnlyAgent(permissions) => permissions.to_vec(),
            AnyAgent(permission) | EveryAgent(permission) | NewAgent(permission) => vec![permission],
        }
    }
}

use Needs::{Agent, AnyAgent, EveryAgent, NewAgent, Nothing, OnlyAgent};

/// Method and path as the router writes it, and what they need.
pub(super) const TABLE: &[(&str, &str, Needs)] = &[
    ("GET", "/health", Nothing),
    ("GET", "/ready", Nothing),
    ("GET", "/metrics", EveryAgent(Admin)),
    // Parts of the binary, the same for everybody and everywhere; what pages show of agents they ask for.
    ("GET", "/", Nothing),
    ("GET", "/page.css", Nothing),
    ("GET", "/page.js", Nothing),
    ("GET", "/icon.svg", Nothing),
    ("GET", "/openapi.json", Nothing),
    ("GET", "/docs", Nothing),
    ("GET", "/docs/{file}", Nothing),
    // By the agent that the body names.
    ("GET", "/v1/models", AnyAgent(Read)),
    ("GET", "/v1/models/{id}", Agent(&[Read])),
    ("POST", "/v1/chat/completions", AnyAgent(Observe)),
    ("POST", "/v1/responses", AnyAgent(Observe)),
    // Cards are for those who do not know yet how to ask. Each operation says what it needs more.
    ("GET", "/.well-known/agent-card.json", Nothing),
    ("GET", "/agents/{id}/.well-known/agent-card.json", Nothing),
    ("POST", "/agents/{id}/a2a", Agent(&[Read, Observe, Cancel])),
    ("POST", "/agents/{id}/a2a/message:send", Agent(&[Observe])),
    ("POST", "/agents/{id}/a2a/message:stream", Agent(&[Observe])),
    ("GET", "/agents/{id}/a2a/tasks", Agent(&[Read])),
    ("GET", "/agents/{id}/a2a/tasks/{task}", Agent(&[Read])),
    ("POST", "/agents/{id}/a2a/tasks/{task}", Agent(&[Read, Cancel])),
    ("GET", "/agents/{id}/a2a/tasks/{task}/pushNotificationConfigs", Agent(&[Read])),
    ("POST", "/agents/{id}/a2a/tasks/{task}/pushNotificationConfigs", Agent(&[Observe])),
    ("GET", "/agents/{id}/a2a/tasks/{task}/pushNotificationConfigs/{config}", Agent(&[Read])),
    ("DELETE", "/agents/{id}/a2a/tasks/{task}/pushNotificationConfigs/{config}", Agent(&[Observe])),
    ("GET", "/agents/{id}/a2a/extendedAgentCard", Agent(&[Read])),
    // Each message says what it needs more.
    ("GET", "/ws/agents/{id}", Agent(&[Read, Observe, Cancel, Approve])),
    ("GET", "/agents", AnyAgent(Read)),
    // What an agent may reach, and whose secrets it has, its manifest says.
    ("POST", "/agents", NewAgent(Admin)),
    ("DELETE", "/agents/{id}", Agent(&[Admin])),
    ("GET", "/agents/{id}/status", Agent(&[Read])),
    ("POST", "/agents/{id}/observe", Agent(&[Observe])),
    ("POST", "/agents/{id}/mcp", Agent(&[Read, Observe])),
    ("POST", "/mcp", OnlyAgent(&[Read, Observe])),
    ("GET", "/agents/{id}/runs", Agent(&[Read])),
    ("GET", "/agents/{id}/runs/{run}", Agent(&[Read])),
    ("GET", "/agents/{id}/runs/{run}/events", Agent(&[Read])),
    ("POST", "/agents/{id}/runs/{run}/cancel", Agent(&[Cancel])),
    ("GET", "/agents/{id}/approvals", Agent(&[Approve])),
    ("POST", "/agents/{id}/approvals/{approval}", Agent(&[Approve])),
    // It tells of calls of every caller.
    ("GET", "/agents/{id}/audit", Agent(&[Admin])),
    ("GET", "/agents/{id}/sessions", Agent(&[Read])),
    ("GET", "/agents/{id}/sessions/{session}", Agent(&[Read])),
    ("DELETE", "/agents/{id}/sessions/{session}", Agent(&[Cancel])),
];

/// What a request needs, if it is in the table. `HEAD` is answered as `GET` without a body.
pub(super) fn needs(method: &Method, path: &str) -> Option<Needs> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    TABLE.iter().find(|(its, at, _)| *its == method.as_str() && *at == path).map(|(_, _, needs)| *needs)
}

/// The methods that a path takes.
pub(super) fn methods(path: &str) -> Vec<&'static str> {
    let of_path = TABLE.iter().filter(|(_, at, _)| *at == path).map(|(method, ..)| *method);
    of_path.flat_map(|method| if method == "GET" { vec!["GET", "HEAD"] } else { vec![method] }).collect()
}
