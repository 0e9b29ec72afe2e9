//! `base64_decode`: what stands in base64 (RFC 4648), in either alphabet, with or without padding.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use skreaver_protocol::Builtin;

use crate::{Function, Text, ToolError};

const EITHER_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// See [`Base64DecodeTool`](super::Base64DecodeTool).
pub struct Base64Decode;

impl Function for Base64Decode {
    const NAME: &'static str = Builtin::Base64Decode.name();
    const DESCRIPTION: &'static str =
        "Decodes base64, standard or URL-safe, that holds a text. White space in it is skipped, as mail breaks its lines.";
    type Arguments = Text;
    type Output = String;

    fn compute(Text { text }: Text) -> Result<String, ToolError> {
        let encoded: String = text.split_ascii_whitespace().collect();
        let alphabet = if encoded.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
        let decoded = GeneralPurpose::new(alphabet, EITHER_PADDING).decode(encoded);
        let bytes = decoded.map_err(|error| ToolError::InvalidArguments(format!("this is no base64: {error}")))?;
        String::from_utf8(bytes).map_err(|error| {
            let (bytes, place) = (error.as_bytes().len(), error.utf8_error().valid_up_to());
            ToolError::InvalidArguments(format!("the {bytes} bytes are no text: byte {place} is no UTF-8"))
        })
    }
}
