//! How a program and its workers talk: JSON behind its length.

use std::io::{self, ErrorKind, Read, Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ToolError;

/// The bytes of a length.
pub(super) const LENGTH: usize = 4;

/// What a worker is asked.
#[derive(Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) function: String,
    pub(super) arguments: Value,
}

/// What it answers.
#[derive(Serialize, Deserialize)]
pub(super) struct Reply {
    pub(super) outcome: Outcome,
    /// Whether it ends now: it has used up what a worker may before a call.
    pub(super) is_last: bool,
}

/// How a call ended.
#[derive(Serialize, Deserialize)]
pub(super) enum Outcome {
    Done(Value),
    InvalidArguments(String),
    Failed(String),
}

impl Outcome {
    pub(super) fn of(result: Result<Value, ToolError>) -> Self {
        match result {
            Ok(value) => Self::Done(value),
            Err(ToolError::InvalidArguments(why)) => Self::InvalidArguments(why),
            Err(error @ (ToolError::Failed(_) | ToolError::Stopped(_) | ToolError::Refused { .. })) => {
                Self::Failed(error.to_string())
            }
        }
    }

    pub(super) fn result(self) -> Result<Value, ToolError> {
        match self {
            Self::Done(value) => Ok(value),
            Self::InvalidArguments(why) => Err(ToolError::InvalidArguments(why)),
            Self::Failed(why) => Err(ToolError::Failed(why)),
        }
    }
}

/// A message as it is sent.
pub(super) fn framed(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; LENGTH];
    serde_json::to_writer(&mut bytes, message)?;
    let length = u32::try_from(bytes.len() - LENGTH).map_err(|_| io::Error::other("the message is longer than 4 GiB"))?;
    bytes[..LENGTH].copy_from_slice(&length.to_le_bytes());
    Ok(bytes)
}

/// The next message, or none where there will be none.
pub(super) fn read<T: for<'de> Deserialize<'de>>(input: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; LENGTH];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
    input.read_exact(&mut bytes)?;
    Ok(Some(serde_json::from_slice(&bytes)?))
}

/// Sends a message.
pub(super) fn write(output: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    output.write_all(&framed(message)?)
}
