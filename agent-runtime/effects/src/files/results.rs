//! What tools are told of files.

use schemars::JsonSchema;
use serde::Serialize;

use crate::content::Content;

/// A file, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileContent {
    /// The bytes of the whole file.
    pub size: u64,
    /// Whether the part ends where the file does.
    pub end: bool,
    /// What was read.
    #[serde(flatten)]
    pub content: Content,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Written {
    /// The bytes of the whole file.
    pub size: u64,
}

/// A file that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Deleted {
    /// The bytes that it had.
    pub size: u64,
}

/// A directory that is there now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Created {
    /// Whether it was not there before.
    pub new: bool,
}

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A link, a device, a pipe or a socket, none of which is ever opened.
    Other,
}

/// What is known of a file or directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Status {
    /// What it is.
    pub kind: Kind,
    /// Its bytes.
    pub size: u64,
    /// When its content last changed (RFC 3339).
    pub modified: String,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Entry {
    /// Its name in the directory.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its bytes.
    pub size: u64,
}

/// What is in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Listing {
    /// Its entries, by name.
    pub entries: Vec<Entry>,
    /// Whether these are all that may be listed. A directory of more than 1,000 entries is not listed whole.
    pub complete: bool,
}
