//! `base64_encode`: a text in base64 (RFC 4648).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use skreaver_protocol::Builtin;

use crate::{Function, Text, ToolError};

/// See [`Base64EncodeTool`](super::Base64EncodeTool).
pub struct Base64Encode;

/// What to write, and in which alphabet.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// The text, of which the UTF-8 is encoded.
    text: String,
    /// Whether to use the alphabet that URLs and file names take, without padding. Default: false.
    #[serde(default)]
    url_safe: bool,
}

impl Function for Base64Encode {
    const NAME: &'static str = Builtin::Base64Encode.name();
    const DESCRIPTION: &'static str = "Encodes a text in base64, in the standard or the URL-safe alphabet.";
    type Arguments = Arguments;
    type Output = String;

    fn from_text(text: &str) -> Value {
        super::object_with(text, &["text"]).unwrap_or_else(|| Text::arguments(text))
    }

    fn compute(Arguments { text, url_safe }: Arguments) -> Result<String, ToolError> {
        Ok(if url_safe { URL_SAFE_NO_PAD.encode(text) } else { STANDARD.encode(text) })
    }
}
