//! A case of the show, and how it has to end.

use serde_json::Value;
use skreaver::ToolError;
use skreaver::tools::{CallError, Limit};

/// Something hostile, and what has to become of it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// The function in a worker, or the built-in tool.
    pub(crate) tool: &'static str,
    pub(crate) arguments: Value,
    pub(crate) ending: Ending,
}

/// The one way in which a case ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It is stopped by this limit.
    Time,
    Cpu,
    Memory,
    Output,
    Stack,
    /// Its worker breaks, which is told in these words.
    Crash(&'static str),
    /// It is refused within all limits, for a reason that has these words.
    Refused(&'static str),
    /// It is answered within all limits.
    Answered,
}

impl Ending {
    /// Whether a call ended so.
    pub(crate) fn is(self, outcome: &Result<(), CallError>) -> bool {
        let error = match outcome {
            Ok(()) => return self == Self::Answered,
            Err(CallError::Tool { error, .. }) => error,
            Err(_) => return false,
        };
        match (self, error) {
            (Self::Time, ToolError::Stopped(Limit::Time(_)))
            | (Self::Cpu, ToolError::Stopped(Limit::Cpu(_)))
            | (Self::Memory, ToolError::Stopped(Limit::Memory(_)))
            | (Self::Output, ToolError::Stopped(Limit::Output(_)))
            | (Self::Stack, ToolError::Stopped(Limit::Stack)) => true,
            (Self::Crash(words), ToolError::Stopped(Limit::Crash(told))) => told.contains(words),
            (Self::Refused(words), ToolError::InvalidArguments(told) | ToolError::Failed(told)) => told.contains(words),
            _ => false,
        }
    }

    /// The kind, in a word.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Output => "output",
            Self::Stack => "stack",
            Self::Crash(_) => "crash",
            Self::Refused(_) => "refused",
            Self::Answered => "answered",
        }
    }
}
