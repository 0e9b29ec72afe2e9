//! What an error of Redis means.

use redis::{ErrorKind, RedisError};

use crate::MemoryError;

/// What a Cluster says, inside another error, when it refuses us.
const REFUSALS: [&str; 4] = ["AuthenticationFailed", "NOAUTH", "WRONGPASS", "NOPERM"];

/// An error with its type, by the code before its text where there is one.
pub(super) fn typed(what: &str, source: RedisError) -> MemoryError {
    let what = what.to_owned();
    let code = source.code().unwrap_or_default().to_owned();
    let (kind, text) = (source.kind(), source.to_string());
    let source = Box::new(source);
    match code.as_str() {
        "OOM" | "MISCONF" => return MemoryError::Full { what, source },
        "READONLY" => return MemoryError::ReadOnly { what, source },
        "NOAUTH" | "WRONGPASS" | "NOPERM" => return MemoryError::Forbidden { what, source },
        "LOADING" | "BUSY" | "NOREPLICAS" | "CLUSTERDOWN" | "MASTERDOWN" | "TRYAGAIN" | "MOVED" | "ASK" => {
            return MemoryError::Unavailable { what, source };
        }
        _ => {}
    }
    match kind {
        ErrorKind::AuthenticationFailed => MemoryError::Forbidden { what, source },
        ErrorKind::Io if REFUSALS.iter().any(|refusal| text.contains(refusal)) => MemoryError::Forbidden { what, source },
        ErrorKind::Io
        | ErrorKind::ClusterConnectionNotFound
        | ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel => MemoryError::Unavailable { what, source },
        _ => MemoryError::Server { what, source },
    }
}
