//! Why an effect did not happen, or did not end.

use std::time::Duration;

use skreaver_policy::bounds::Refusal;

/// Why an effect did not happen, or did not end. Its text is for the model and the caller: it says what to do, and what they
/// wrote stands in it escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EffectError {
    /// The policies do not admit what was to be touched.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The arguments make no request.
    #[error("`{what}`: {why}")]
    Arguments {
        /// The argument, escaped.
        what: Box<str>,
        /// What is wrong with it, and what to write.
        why: Box<str>,
    },
    /// Other calls of the agent took all the time of this one.
    #[error("the agent has {limit} calls at work, which is all it may have: call again when one of them is done")]
    Busy {
        /// How many may be at work at the same time.
        limit: usize,
    },
    /// The effect did not end in its time. Whether it happened is not known.
    #[error("no end after {} ms, which is all the time that the call has; what it does may still happen", .limit.as_millis())]
    TimedOut {
        /// How long a call may take.
        limit: Duration,
    },
    /// Something is larger than what a call may hold.
    #[error("{what} is larger than {limit} bytes: {instead}")]
    TooLarge {
        /// What. Example: `the answer of `api.example.com``.
        what: Box<str>,
        /// The most bytes.
        limit: usize,
        /// What to do instead.
        instead: &'static str,
    },
    /// There is no connection.
    #[error("no connection to `{host}`: {why}")]
    Unreachable {
        /// Host and port.
        host: Box<str>,
        /// What failed: name, address or TLS.
        why: Box<str>,
    },
    /// What came back is no answer: cut off, no HTTP, too many headers, broken compression.
    #[error("the answer of `{host}` is broken: {why}")]
    Broken {
        /// Host and port.
        host: Box<str>,
        /// What is wrong with it.
        why: Box<str>,
    },
    /// A redirect that is not followed.
    #[error("`{host}` redirects to `{to}`, which is not followed: {why}")]
    Redirect {
        /// Who redirects.
        host: Box<str>,
        /// Where to, escaped.
        to: Box<str>,
        /// Why not.
        why: &'static str,
    },
    /// A file or directory cannot be had.
    #[error("`{path}`: {problem}")]
    File {
        /// The path, escaped.
        path: Box<str>,
        /// What is wrong with it.
        problem: FileProblem,
    },
}

/// What is wrong with a file or directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    /// There is nothing of this name.
    #[error("there is no such file or directory")]
    Missing,
    /// There is something of this name.
    #[error("it is there already")]
    Exists,
    /// The allowed directory itself cannot be opened.
    #[error("the allowed directory `{0}` cannot be opened: {1}")]
    Root(Box<str>, Box<FileProblem>),
    /// A symbolic link stands in the way.
    #[error("a symbolic link stands in the way, and links are not followed: write the path that it leads to")]
    Link,
    /// The way leads out of the allowed directory.
    #[error("it lies on another file system than the allowed directory, or outside of it: that place must be allowed by itself")]
    Outside,
    /// A part of the way is no directory, or the whole is none.
    #[error("it is no directory")]
    NotADirectory,
    /// A directory, a device, a pipe or a socket.
    #[error("it is no regular file")]
    NotAFile,
    /// The file has another name elsewhere.
    #[error("the file has several names (hard links), and one of them may lie elsewhere: copy it")]
    Linked,
    /// The machine denies it.
    #[error("the agent's process has no permission")]
    Permission,
    /// The text is none.
    #[error("its content is no UTF-8 text: ask for it with `\"encoding\": \"base64\"`")]
    NotText,
    /// The kernel cannot open beneath a directory.
    #[error("this kernel has no openat2 (Linux 5.6), without which no file is opened")]
    Kernel,
    /// Anything else that the machine says.
    #[error("{0}")]
    Machine(Box<str>),
}

impl EffectError {
    /// The kind of the error as one word, for metrics and audit records.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Arguments { .. } => "arguments",
            Self::Busy { .. } => "busy",
            Self::TimedOut { .. } => "timeout",
            Self::TooLarge { .. } => "too_large",
            Self::Unreachable { .. } => "unreachable",
            Self::Broken { .. } => "broken",
            Self::Redirect { .. } => "redirect",
            Self::File { .. } => "file",
        }
    }
}
