//! Content as it stands in arguments and results: text, and base64 for all that is none.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How content is written in arguments and results.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// As it is: UTF-8.
    #[default]
    Text,
    /// In base64 with padding (RFC 4648).
    Base64,
}

impl Encoding {
    /// The bytes that a text means.
    pub(crate) fn decode(self, text: String) -> Result<Vec<u8>, String> {
        match self {
            Self::Text => Ok(text.into_bytes()),
            Self::Base64 => STANDARD.decode(text).map_err(|error| format!("it is no base64: {error}")),
        }
    }
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// A text.
    Text(String),
    /// Anything else, in base64.
    Base64(String),
}

impl Content {
    /// The text that these bytes are in the charset, or in UTF-8 if none is named; else the bytes themselves.
    pub(crate) fn of(bytes: Vec<u8>, charset: Option<&str>) -> Self {
        let encoding = charset.map_or(Some(encoding_rs::UTF_8), |label| encoding_rs::Encoding::for_label(label.as_bytes()));
        let decoded = match encoding {
            Some(encoding) if encoding != encoding_rs::UTF_8 => {
                encoding.decode_without_bom_handling_and_without_replacement(&bytes).map(Cow::into_owned)
            }
            Some(_) => return Self::utf8(bytes),
            None => None,
        };
        decoded.map_or_else(|| Self::base64(&bytes), Self::Text)
    }

    fn utf8(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::base64(error.as_bytes()),
        }
    }

    pub(crate) fn base64(bytes: &[u8]) -> Self {
        Self::Base64(STANDARD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_text_in_their_charset_or_base64() {
        let check =
            |bytes: &[u8], charset: Option<&str>, expected: Content| assert_eq!(Content::of(bytes.into(), charset), expected);
        check("bücher".as_bytes(), None, Content::Text("bücher".into()));
        check(b"b\xfccher", Some("ISO-8859-1"), Content::Text("bücher".into()));
        check(b"\x82\xa0", Some("shift_jis"), Content::Text("あ".into()));
        check(b"\xff\xfe", None, Content::Base64("//4=".into()));
        check(b"abc", Some("no-such-charset"), Content::Base64("YWJj".into()));
    }
}
