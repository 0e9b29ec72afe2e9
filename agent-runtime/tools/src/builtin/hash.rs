//! `hash`: the digest of a text or of bytes. SHA-2 alone: MD5 and SHA-1 are broken, and who needs them for an old checksum has a
//! tool of their own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};
use skreaver_protocol::Builtin;

use crate::{Function, Text, ToolError};

/// See [`HashTool`](super::HashTool).
pub struct Hash;

/// What to hash, and how.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// The text, which is hashed as UTF-8.
    text: String,
    /// Whether the text is base64 of the bytes that are meant. Default: false.
    #[serde(default)]
    is_base64: bool,
    /// Default: `sha256`.
    #[serde(default)]
    algorithm: Algorithm,
}

/// How to hash.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Algorithm {
    #[default]
    Sha256,
    Sha512,
}

/// A digest.
#[derive(Serialize, JsonSchema)]
pub struct Digested {
    algorithm: Algorithm,
    /// The digest, in hexadecimal.
    hex: String,
}

impl Function for Hash {
    const NAME: &'static str = Builtin::Hash.name();
    const DESCRIPTION: &'static str = "The SHA-256 or SHA-512 digest of a text, in hexadecimal.";
    type Arguments = Arguments;
    type Output = Digested;

    fn from_text(text: &str) -> Value {
        super::object_with(text, &["text"]).unwrap_or_else(|| Text::arguments(text))
    }

    fn compute(Arguments { text, is_base64, algorithm }: Arguments) -> Result<Digested, ToolError> {
        let bytes = match is_base64 {
            true => {
                STANDARD.decode(&text).map_err(|error| ToolError::InvalidArguments(format!("`text` is no base64: {error}")))?
            }
            false => text.into_bytes(),
        };
        let hex = match algorithm {
            Algorithm::Sha256 => format!("{:x}", Sha256::digest(bytes)),
            Algorithm::Sha512 => format!("{:x}", Sha512::digest(bytes)),
        };
        Ok(Digested { algorithm, hex })
    }
}
