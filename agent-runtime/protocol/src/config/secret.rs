//! Where a secret is found. Configurations name secrets, and never hold them.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Where a secret is found: `file:/path`, read again when it changes, or `env:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SecretSource {
    /// A file, whose content without white space at its ends is the secret.
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
}

/// Why a text names no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSourceError;

impl fmt::Display for SecretSourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the text: it may be the secret itself.
        f.write_str("name where the secret is found, as `file:/path` or `env:NAME`, and not the secret itself")
    }
}

impl std::error::Error for SecretSourceError {}

impl FromStr for SecretSource {
    type Err = SecretSourceError;

    fn from_str(text: &str) -> Result<Self, SecretSourceError> {
        match text.split_once(':') {
            Some(("file", path)) if path.starts_with('/') => Ok(Self::File(path.into())),
            Some(("env", name)) if !name.is_empty() && !name.contains(['=', '\0']) => Ok(Self::Env(name.to_owned())),
            _ => Err(SecretSourceError),
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Env(name) => write!(f, "env:{name}"),
        }
    }
}

impl TryFrom<String> for SecretSource {
    type Error = SecretSourceError;

    fn try_from(text: String) -> Result<Self, SecretSourceError> {
        text.parse()
    }
}

impl From<SecretSource> for String {
    fn from(source: SecretSource) -> String {
        source.to_string()
    }
}

impl JsonSchema for SecretSource {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SecretSource".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^(file:/|env:.)"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_named_and_never_written_down() {
        for good in ["file:/var/run/secrets/model/token", "env:OPENAI_API_KEY"] {
            assert_eq!(good.parse::<SecretSource>().unwrap().to_string(), good);
        }
        for bad in ["", "sk-123", "file:relative", "env:", "env:A=B"] {
            assert_eq!(bad.parse::<SecretSource>(), Err(SecretSourceError), "{bad}");
        }
        assert!(!SecretSourceError.to_string().contains("sk-123"));
    }
}
