//! Why an MCP server gave no answer.

use std::time::Duration;

use skreaver_effects::EffectError;

/// Why an MCP server gave no answer. No text of it holds a secret: neither headers nor contents stand in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    /// The request did not leave: it was refused, or nobody took it.
    #[error(transparent)]
    Unsent(EffectError),
    /// A secret for it cannot be had, so it did not leave.
    #[error("{0}")]
    Secret(String),
    /// There is no token for it, so it did not leave.
    #[error("no token from `{place}`: {why}")]
    Token {
        /// Host and port of the token endpoint.
        place: Box<str>,
        /// Why not.
        why: String,
    },
    /// The answer broke off, or is too large.
    #[error(transparent)]
    Broken(EffectError),
    /// An answer that is none of MCP.
    #[error("the server answers HTTP {status}{}", meaning(*.0), status = .0)]
    Status(u16),
    /// An answer of another type.
    #[error("the server answers with `{0}`, which is not MCP: is this the URL of its endpoint?")]
    ContentType(String),
    /// JSON that is no answer.
    #[error("the server answers with JSON that is not MCP")]
    NotMcp,
    /// No answer.
    #[error("the server gave no answer in {} ms", .0.as_millis())]
    Slow(Duration),
}

impl Problem {
    /// Whether it is certain that the server has not seen the request, or has not taken it.
    pub(super) fn is_unsent(&self) -> bool {
        match self {
            Self::Unsent(_) | Self::Secret(_) | Self::Token { .. } => true,
            Self::Status(status) => (400..500).contains(status),
            Self::Broken(_) | Self::ContentType(_) | Self::NotMcp | Self::Slow(_) => false,
        }
    }

    /// Whether the server itself may be gone, so that it is worth to look.
    pub(super) fn is_of_the_connection(&self) -> bool {
        match self {
            Self::Unsent(EffectError::Unreachable { .. }) | Self::Broken(_) | Self::Slow(_) => true,
            Self::Status(status) => *status >= 500,
            Self::Unsent(_) | Self::Secret(_) | Self::Token { .. } | Self::ContentType(_) | Self::NotMcp => false,
        }
    }
}

fn meaning(status: u16) -> &'static str {
    match status {
        300..=399 => ", a redirect, which is not followed: write the URL to which it leads",
        401 => ": it wants other credentials",
        403 => ": the credentials may not do this",
        404 => ": is this the URL of its endpoint?",
        429 => ": it has too much to do",
        _ => "",
    }
}
