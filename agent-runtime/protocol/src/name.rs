//! Names that cannot be wrong: parsed once at the border, trusted inside.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The longest agent name. Children add suffixes, and a Service name ends at 63 characters (RFC 1035).
pub const AGENT_NAME_MAX: usize = 52;

/// The longest name that an agent gives to a tool or to a source of tools.
pub const OWN_TOOL_NAME_MAX: usize = 63;

/// The longest tool name.
pub const TOOL_NAME_MAX: usize = 128;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameError {
    what: &'static str,
    text: String,
    rule: &'static str,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not {}: {}", self.text, self.what, self.rule)
    }
}

impl std::error::Error for NameError {}

/// The name of an agent: a DNS label (RFC 1035) of at most [`AGENT_NAME_MAX`] characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgentName(String);

/// The name of a tool as callers and policies write it: `add`, or `ledger/find_invoice` for a tool of the source `ledger`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ToolName(String);

/// The id of a session, chosen by its caller.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(String);

/// The longest session id.
pub const SESSION_ID_MAX: usize = 128;

fn is_session_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.len() <= SESSION_ID_MAX
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
}

fn lower_alnum(c: u8) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn is_agent_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.len() <= AGENT_NAME_MAX
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().is_some_and(|c| lower_alnum(*c))
        && bytes.iter().all(|c| lower_alnum(*c) || *c == b'-')
}

fn is_tool_name(text: &str) -> bool {
    let (own, of_the_source) = text.split_once('/').map_or((text, None), |(source, tool)| (source, Some(tool)));
    let theirs = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    text.len() <= TOOL_NAME_MAX
        && own.len() <= OWN_TOOL_NAME_MAX
        && own.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
        && own.bytes().all(|c| lower_alnum(c) || matches!(c, b'-' | b'_'))
        && of_the_source.is_none_or(|tool| !tool.is_empty() && tool.bytes().all(theirs))
}

/// The parts that every name type has alike.
macro_rules! name {
    ($type:ident, $valid:ident, $pattern:literal, $max:ident, $what:literal, $rule:literal) => {
        impl $type {
            /// Parses a name; the error says what to write instead.
            pub fn parse(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                if $valid(&text) {
                    Ok(Self(text))
                } else {
                    Err(NameError { what: $what, text, rule: $rule })
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl std::str::FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern, "maxLength": $max})
            }
        }
    };
}

name!(
    AgentName,
    is_agent_name,
    "^[a-z]([a-z0-9-]*[a-z0-9])?$",
    AGENT_NAME_MAX,
    "an agent name",
    "use at most 52 lower-case letters, digits and `-`, starting with a letter and ending with a letter or digit"
);
name!(
    ToolName,
    is_tool_name,
    "^[a-z][a-z0-9_-]{0,62}(/[A-Za-z0-9._-]+)?$",
    TOOL_NAME_MAX,
    "a tool name",
    "use at most 63 lower-case letters, digits, `-` and `_`, starting with a letter, and for a tool of a source `source/tool` with at most 128 characters"
);
name!(
    SessionId,
    is_session_id,
    "^[A-Za-z0-9][A-Za-z0-9._-]*$",
    SESSION_ID_MAX,
    "a session id",
    "use at most 128 letters, digits, `-`, `_` and `.`, starting with a letter or digit"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agent_names_are_dns_labels_that_leave_room_for_suffixes() {
        let longest = "a".repeat(AGENT_NAME_MAX);
        for good in ["a", "demo-agent-1", longest.as_str()] {
            assert!(AgentName::parse(good).is_ok(), "{good}");
        }
        let too_long = "a".repeat(AGENT_NAME_MAX + 1);
        for bad in ["", "1a", "a-", "-a", "A", "a_b", "a.b", too_long.as_str()] {
            assert!(AgentName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn session_ids_have_no_slash() {
        for good in ["a", "Customer-42", "2026-11-25T00.00", &"s".repeat(SESSION_ID_MAX)] {
            assert!(SessionId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a/b", ".hidden", "a b", "ü", &"s".repeat(SESSION_ID_MAX + 1)] {
            assert!(SessionId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tool_names_match_what_stands_before_the_colon_of_an_input() {
        let longest = "a".repeat(OWN_TOOL_NAME_MAX);
        for good in ["a", "upper_case", "find-2", "a/b", "ledger/Find.Invoice_2", longest.as_str()] {
            assert!(ToolName::parse(good).is_ok(), "{good}");
        }
        let too_long = "a".repeat(OWN_TOOL_NAME_MAX + 1);
        let too_long_in_all = format!("a/{}", "b".repeat(TOOL_NAME_MAX));
        for bad in ["", "2a", "A", "a b", "a/", "/b", "a/b/c", "a/b c", "a/ü", too_long.as_str(), too_long_in_all.as_str()] {
            assert!(ToolName::parse(bad).is_err(), "{bad}");
        }
    }
}
