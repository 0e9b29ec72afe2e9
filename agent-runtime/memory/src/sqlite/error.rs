//! What an error of SQLite means to us.

use sqlx::error::DatabaseError;

use crate::MemoryError;

pub(super) fn failed(what: &str, error: sqlx::Error) -> MemoryError {
    let what = what.to_owned();
    // The extended code holds the primary one in its last byte.
    let code = error.as_database_error().and_then(DatabaseError::code).and_then(|code| code.parse::<u32>().ok());
    match code.map(|code| code & 0xff) {
        Some(13) => MemoryError::Full { what, source: error.into() },
        Some(3 | 8) => MemoryError::ReadOnly { what, source: error.into() },
        Some(5 | 6) => MemoryError::Locked { what },
        Some(11) => MemoryError::Corrupt {
            what,
            damage: format!("{error}; bring back a copy, or let `sqlite3 .recover` save what it can"),
        },
        Some(26) => MemoryError::Corrupt { what, damage: "it is no SQLite database; name another file".into() },
        Some(14) => MemoryError::Config { what, problem: format!("{error}; name a file in a folder that can be written to") },
        _ if matches!(error, sqlx::Error::PoolTimedOut) => MemoryError::Unavailable { what, source: error.into() },
        _ => MemoryError::Server { what, source: error.into() },
    }
}
