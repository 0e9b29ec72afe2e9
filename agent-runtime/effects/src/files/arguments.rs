//! What tools pass for files.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::content::Encoding;

/// A file or a directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Path {
    /// The path, absolute or from the agent's own directory. Example: `notes/today.txt`.
    #[schemars(length(min = 1, max = 4095))]
    pub path: String,
}

/// A file to read, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// The path, absolute or from the agent's own directory. Example: `notes/today.txt`.
    #[schemars(length(min = 1, max = 4095))]
    pub path: String,
    /// The byte to begin with. Default: 0.
    #[serde(default)]
    pub offset: u64,
    /// The most bytes to read. Absent: to the end of the file, which must not be too far away.
    #[serde(default)]
    pub length: Option<u64>,
    /// How the content is to be written. `text` must be UTF-8. Default: text.
    #[serde(default)]
    pub encoding: Encoding,
}

/// A file and what to put into it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The path, absolute or from the agent's own directory. Example: `notes/today.txt`.
    #[schemars(length(min = 1, max = 4095))]
    pub path: String,
    /// The content.
    pub content: String,
    /// How the content is written. Default: text.
    #[serde(default)]
    pub encoding: Encoding,
}
