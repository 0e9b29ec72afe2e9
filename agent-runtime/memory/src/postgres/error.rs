//! What an error of the server means.

use crate::MemoryError;

/// An error with its type, by the SQLSTATE where there is one.
pub(super) fn typed(what: &str, source: sqlx::Error) -> MemoryError {
    let what = what.to_owned();
    let Some(code) = code(&source) else {
        return match source {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => MemoryError::Unavailable { what, source: source.into() },
            sqlx::Error::Configuration(problem) => MemoryError::Config { what, problem: problem.to_string() },
            _ => MemoryError::Server { what, source: source.into() },
        };
    };
    let source = source.into();
    match code.as_str() {
        "53100" => MemoryError::Full { what, source },
        "25006" => MemoryError::ReadOnly { what, source },
        "42501" => MemoryError::Forbidden { what, source },
        "3D000" => MemoryError::Config { what, problem: "it has no such database; make it, or name another one".into() },
        // Connections, resources, an operator's intervention, conflicts that do not end, a lock or statement that took too long.
        "40001" | "40P01" | "55P03" => MemoryError::Unavailable { what, source },
        code if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => MemoryError::Unavailable { what, source },
        code if code.starts_with("28") => MemoryError::Forbidden { what, source },
        _ => MemoryError::Server { what, source },
    }
}

/// Whether the server undid a transaction because of another one.
pub(super) fn is_conflict(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code == "40001" || code == "40P01")
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(|code| code.into_owned())
}
