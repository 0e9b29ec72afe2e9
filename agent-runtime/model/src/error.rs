//! Why a model gave no answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a model gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("model `{model}`: {detail}")]
pub struct ModelError {
    /// The model, as `provider/name`.
    pub model: String,
    /// What kind of failure.
    pub kind: ModelErrorKind,
    /// What was tried, what came back, and what to do. Never a key, never a prompt.
    pub detail: String,
    /// How long the provider asks to be left alone.
    pub retry_after: Option<Duration>,
    /// How many attempts the provider may charge for: it began to answer, and the answer was lost on its way.
    pub charged: u32,
}

/// What kind of failure: the same word in problems, conditions and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelErrorKind {
    /// The key is wrong or missing, or does not permit it.
    Unauthorized,
    /// The provider knows no such model, or the base URL leads elsewhere.
    UnknownModel,
    /// The provider asks to be asked less often.
    RateLimited,
    /// The provider has no capacity or fails: 500, 503, 529.
    Overloaded,
    /// No connection: name, address, TLS.
    Unreachable,
    /// No answer in `model.timeout`.
    Timeout,
    /// The stream was cut before the answer was complete.
    Cut,
    /// The answer is not one: no JSON, another shape, endless.
    Garbage,
    /// The conversation is longer than the model takes.
    ContextTooLong,
    /// The provider refuses the request for another reason.
    Refused,
}

impl ModelErrorKind {
    /// Whether the same question may be answered a little later.
    pub const fn is_passing(self) -> bool {
        match self {
            Self::RateLimited | Self::Overloaded | Self::Unreachable | Self::Timeout | Self::Cut | Self::Garbage => true,
            Self::Unauthorized | Self::UnknownModel | Self::ContextTooLong | Self::Refused => false,
        }
    }

    /// Whether the provider may have answered, and charge for it, though nothing of it came to use.
    pub const fn may_be_charged(self) -> bool {
        match self {
            Self::Timeout | Self::Cut | Self::Garbage => true,
            Self::Unauthorized
            | Self::UnknownModel
            | Self::RateLimited
            | Self::Overloaded
            | Self::Unreachable
            | Self::ContextTooLong
            | Self::Refused => false,
        }
    }

    /// The kind as one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::UnknownModel => "unknown_model",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Cut => "cut",
            Self::Garbage => "garbage",
            Self::ContextTooLong => "context_too_long",
            Self::Refused => "refused",
        }
    }
}
