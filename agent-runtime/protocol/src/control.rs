//! The control channel: what flows on the one stream between a pod and the operator, each message a JSON text frame of a
//! WebSocket (RFC 6455).

use serde::{Deserialize, Serialize};

use crate::ToolName;
use crate::approval::{ApprovalRequest, ApprovalVotes};
use crate::auth::{KeySets, KeysWanted};
use crate::policy::PolicyBundle;
use crate::rest::Component;

/// The audience of the token by which a pod proves which ServiceAccount it runs as. The API server refuses such a token.
pub const AUDIENCE: &str = "skreaver.dev/control";

/// The path of the stream on the operator's control port.
pub const PATH: &str = "/control/v1";

/// The TCP port of the operator's `control` Service.
pub const PORT: u16 = 8443;

/// The largest message that a pod takes, in bytes: far above the largest bundle, which has to fit into a ConfigMap.
pub const MESSAGE_LIMIT: usize = 4 << 20;

/// What the operator tells a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToRuntime {
    /// The policies of the pod's agent. Sent once the stream stands, and on each change.
    Policies {
        /// All of them.
        bundle: PolicyBundle,
    },
    /// What people said of the calls of the pod's agent that wait or waited for approval. Sent once the stream stands, and on
    /// each change; always all of it.
    Approvals {
        /// By call.
        votes: Vec<ApprovalVotes>,
    },
    /// The public keys of the issuers whose tokens the pod's agent takes. Sent once the stream stands, on each change, and in answer
    /// to [`FromRuntime::KeysWanted`]; always all of them.
    KeySets {
        /// By issuer.
        keys: KeySets,
    },
}

/// What a pod tells the operator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromRuntime {
    /// What is in force in the pod. Sent once the stream stands, and on each change.
    State {
        /// The version of the policy bundle in force.
        policy_version: u64,
        /// Why the newest bundle is not in force, if it is not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        policy_problem: Option<String>,
        /// The components as `/ready` lists them.
        components: Vec<Component>,
        /// The sources of tools that it found.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        sources: Vec<FoundSource>,
    },
    /// The calls that wait for approval in the pod. Sent once the stream stands, and on each change; always all of them.
    Approvals {
        /// At most [`MOST_WAITING`](crate::approval::MOST_WAITING).
        waiting: Vec<ApprovalRequest>,
    },
    /// The pod has seen tokens whose keys it does not have.
    KeysWanted {
        /// Of whom.
        wanted: KeysWanted,
    },
}

/// What a pod found at a source of remote tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FoundSource {
    /// The source, by the name that the Agent gives it.
    pub name: ToolName,
    /// Its tools that the agent may have, sorted by name.
    pub tools: Vec<FoundTool>,
}

/// A remote tool that a pod found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FoundTool {
    /// The server's name for it.
    pub name: String,
    /// The SHA-256 of its name, description and schemas, in hex.
    pub digest: String,
}
