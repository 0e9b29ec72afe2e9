//! Conditions and their reasons: one word each, the same in status, events and metrics.

/// The type of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConditionType {
    /// The spec is one that the operator can work with.
    Accepted,
    /// Everything that the spec names exists.
    ResolvedRefs,
    /// The pods enforce the policies that select the agent.
    PolicyApplied,
    /// A rollout is under way.
    Progressing,
    /// Enough pods answer.
    Available,
    /// Something that the agent needs does not work, as its pods tell: a model or its memory. True is the bad news.
    Degraded,
    /// A tool of an MCP server is not what it was when it was first seen. True is the bad news. Absent where none is compared.
    ToolDrift,
    /// The keys of every issuer are known, by which the tokens of callers are judged. Absent where no token is taken, and until the
    /// first answer.
    AuthReady,
    /// The agent does what its newest spec says. Wait for this one.
    Ready,
}

impl ConditionType {
    /// The type as it stands in status.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::ResolvedRefs => "ResolvedRefs",
            Self::PolicyApplied => "PolicyApplied",
            Self::Progressing => "Progressing",
            Self::Available => "Available",
            Self::Degraded => "Degraded",
            Self::ToolDrift => "ToolDrift",
            Self::AuthReady => "AuthReady",
            Self::Ready => "Ready",
        }
    }
}

/// Why a condition is as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Accepted, ResolvedRefs: nothing to complain of.
    Valid,
    /// Accepted=False: the stored object has not the shape of its kind.
    Malformed,
    /// Accepted=False: a foreign object holds a child's name.
    NameTaken,
    /// Accepted=False: the rules of a ToolPolicy do not compile; the last accepted ones stay in force.
    InvalidRules,
    /// ResolvedRefs=False: a ConfigMap, or the key in it, does not exist.
    ConfigMapNotFound,
    /// ResolvedRefs=False: a Secret does not exist.
    SecretNotFound,
    /// ResolvedRefs=False: a Secret has not the key that is named.
    SecretKeyNotFound,
    /// ResolvedRefs=False: the Service that a model or memory server is reached by does not exist.
    ServiceNotFound,
    /// ResolvedRefs=False: such a Service has not the port that is named, or selects no pods.
    ServiceUnusable,
    /// Accepted=False: how callers are known, or what they may do, cannot be meant as it is written, as the message says.
    InvalidAuth,
    /// AuthReady=True: the keys of every issuer are known.
    KeysKnown,
    /// AuthReady=False: the keys of an issuer cannot be fetched, as the message says. Those that were known before stay in force;
    /// where there are none, its tokens are refused.
    IssuerUnreachable,
    /// Accepted=False: the check of the goal is not CEL over what a run knows.
    InvalidGoal,
    /// Accepted=False: `outputSchema` is not a JSON Schema.
    InvalidOutputSchema,
    /// Accepted=False: the schema of a tool is not a JSON Schema.
    InvalidToolSchema,
    /// Accepted=False: a tool is a program, and the pods of agents run none.
    CommandInCluster,
    /// Accepted=False: the spec names an address that no agent may reach.
    AddressRefused,
    /// ResolvedRefs=False: a referenced text is over the limit. PolicyApplied=False: the policies are, all together, and every
    /// call is refused.
    TooLarge,
    /// Accepted=False: the API server refuses what the spec asks for, in the words of the message.
    Rejected,
    /// ResolvedRefs=False: no built-in tool has this name.
    ToolNotFound,
    /// ResolvedRefs=False: an Agent that is a tool does not exist.
    AgentNotFound,
    /// ResolvedRefs=False: an Agent that is a tool asks this one in turn, itself or through others, as the message says.
    AgentCycle,
    /// PolicyApplied=True: no policy selects the agent, so it may use the tools it lists.
    NoPolicy,
    /// PolicyApplied=True: every pod runs with the newest policies.
    Applied,
    /// PolicyApplied=False: some pod still runs with older policies.
    RollingOut,
    /// PolicyApplied=Unknown: no pod has told what it runs with.
    NotReported,
    /// PolicyApplied=False: a policy that selects the agent has no accepted rules, so every call is refused.
    NotAccepted,
    /// Progressing=True: pods are being brought to the newest spec.
    Updating,
    /// Progressing=False: all pods run the newest spec.
    Complete,
    /// Progressing=False, Ready=False: pods are refused or do not come up in time, as the message says.
    Stalled,
    /// Available, Ready=True: enough pods answer.
    Serving,
    /// Available=False: not enough pods answer.
    Unavailable,
    /// Degraded=False: no pod tells of anything that does not work.
    Healthy,
    /// Degraded=True: no model of the agent answers, as the message says. Runs are refused with 503 until one does.
    ModelUnavailable,
    /// Degraded=True, Ready=False: the memory of the agent cannot be used, as the message says.
    MemoryUnavailable,
    /// Degraded=True: another component of the agent does not work, as the message says.
    ComponentUnavailable,
    /// ToolDrift=True, and Degraded=True under `pin: Enforce`: the message names source and tools, and says how to accept them.
    ToolChanged,
    /// ToolDrift=False: the tools of every server are what they were.
    AsPinned,
    /// Accepted=False, Ready=False: the memory of the agent cannot keep what `durability` asks for, as the message says.
    NotDurable,
    /// Available=False, Ready=False: `suspend` is set, or `replicas` is 0.
    Suspended,
    /// The API server refused or failed; tried again by itself.
    ApiError,
}

impl Reason {
    /// The reason as it stands in status, events and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "Valid",
            Self::Malformed => "Malformed",
            Self::NameTaken => "NameTaken",
            Self::InvalidRules => "InvalidRules",
            Self::ConfigMapNotFound => "ConfigMapNotFound",
            Self::SecretNotFound => "SecretNotFound",
            Self::SecretKeyNotFound => "SecretKeyNotFound",
            Self::ServiceNotFound => "ServiceNotFound",
            Self::ServiceUnusable => "ServiceUnusable",
            Self::InvalidAuth => "InvalidAuth",
            Self::KeysKnown => "KeysKnown",
            Self::IssuerUnreachable => "IssuerUnreachable",
            Self::InvalidGoal => "InvalidGoal",
            Self::InvalidOutputSchema => "InvalidOutputSchema",
            Self::InvalidToolSchema => "InvalidToolSchema",
            Self::CommandInCluster => "CommandInCluster",
            Self::AddressRefused => "AddressRefused",
            Self::TooLarge => "TooLarge",
            Self::Rejected => "Rejected",
            Self::ToolNotFound => "ToolNotFound",
            Self::AgentNotFound => "AgentNotFound",
            Self::AgentCycle => "AgentCycle",
            Self::ToolChanged => "ToolChanged",
            Self::AsPinned => "AsPinned",
            Self::NoPolicy => "NoPolicy",
            Self::Applied => "Applied",
            Self::RollingOut => "RollingOut",
            Self::NotReported => "NotReported",
            Self::NotAccepted => "NotAccepted",
            Self::Updating => "Updating",
            Self::Complete => "Complete",
            Self::Stalled => "Stalled",
            Self::Serving => "Serving",
            Self::Unavailable => "Unavailable",
            Self::Healthy => "Healthy",
            Self::ModelUnavailable => "ModelUnavailable",
            Self::MemoryUnavailable => "MemoryUnavailable",
            Self::ComponentUnavailable => "ComponentUnavailable",
            Self::NotDurable => "NotDurable",
            Self::Suspended => "Suspended",
            Self::ApiError => "ApiError",
        }
    }
}
