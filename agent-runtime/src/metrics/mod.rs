//! What the runtime counts. Names and labels are fixed; labels are bounded, and what goes over a bound is `other`.

#[cfg(feature = "metrics")]
mod prometheus;
#[cfg(not(feature = "metrics"))]
#[path = "nothing.rs"]
mod prometheus;
mod refusals;

pub use self::prometheus::Metrics;
pub(crate) use self::prometheus::{Active, ToolMetrics};
pub(crate) use self::refusals::Refusals;

/// What an error was about: the label `kind` of `agent_errors_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    Parse,
    Timeout,
    Auth,
    Tool,
    Memory,
    Network,
    Resource,
    Internal,
    Unknown,
}

impl ErrorKind {
    #[cfg(feature = "metrics")]
    const fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Timeout => "timeout",
            Self::Auth => "auth",
            Self::Tool => "tool",
            Self::Memory => "memory",
            Self::Network => "network",
            Self::Resource => "resource",
            Self::Internal => "internal",
            Self::Unknown => "unknown",
        }
    }
}

/// What memory is asked for: the label `op` of `memory_ops_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemoryOp {
    Get,
    Scan,
    Commit,
    Search,
}

impl MemoryOp {
    #[cfg(feature = "metrics")]
    const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Scan => "scan",
            Self::Commit => "commit",
            Self::Search => "search",
        }
    }
}
