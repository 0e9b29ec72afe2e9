//! Where things lie in an agent's memory.
//!
//! ```text
//! run/RUN                    what is known of a run: a RunDocument
//! record/RUN/000000          what happened to it, event by event
//! open/RUN                   there as long as the run is not over: the key of the lease under which it is worked on
//! lease/run/RUN              who works on it; lease/session/SESSION for runs in a session
//! cancel/RUN                 somebody wants it to end
//! probe                      whether memory takes writes again
//! key/HASH                   the run that an idempotency key stands for
//! session/SESSION/message/0  what was said in a session; session/SESSION/summary stands for its beginning
//! session/SESSION/read       the tools whose answers were seen in it
//! caller/DIGEST/session/...  the same of sessions of callers who are known, by the SHA-256 of their identity; their leases are
//!                            lease/session/DIGEST/SESSION
//! audit/CHAIN/000000000000   a record of a decision over a tool call, where a policy asks for it
//! note/...                   what the agent was told to remember
//! own/...                    what an agent written in Rust keeps for itself
//! ```

use skreaver_memory::Key;
use skreaver_protocol::SessionId;
use uuid::Uuid;

use super::place::{Owner, SessionPlace};

/// Prefixes, for scans.
pub(crate) const RUNS: &str = "run/";
pub(crate) const OPEN: &str = "open/";
pub(crate) const LEASES: &str = "lease/";
pub(crate) const CANCELS: &str = "cancel/";
pub(crate) const AUDIT: &str = "audit/";
pub(crate) const OWN: &str = "own/";

/// All parts are UUIDs, hashes, numbers and session ids, none of which is empty, long or has a control character.
fn key(text: String) -> Key {
    Key::parse(text).expect("the parts of our keys are short and printable")
}

pub(crate) fn run(run: Uuid) -> Key {
    key(format!("{RUNS}{run}"))
}

pub(crate) fn records(run: Uuid) -> String {
    format!("record/{run}/")
}

pub(crate) fn record(run: Uuid, number: usize) -> Key {
    key(format!("record/{run}/{number:06}"))
}

pub(crate) fn open(run: Uuid) -> Key {
    key(format!("{OPEN}{run}"))
}

pub(crate) fn cancel(run: Uuid) -> Key {
    key(format!("{CANCELS}{run}"))
}

/// One run at a time in a session; outside of one, one process at a time for a run.
pub(crate) fn lease(run: Uuid, session: Option<&SessionPlace>) -> Key {
    key(match session {
        Some(session) => format!("{LEASES}session/{}", session.lease()),
        None => format!("{LEASES}run/{run}"),
    })
}

pub(crate) fn audit(chain: Uuid, seq: u64) -> Key {
    key(format!("{AUDIT}{chain}/{seq:012}"))
}

pub(crate) fn probe() -> Key {
    key("probe".to_owned())
}

pub(crate) fn idempotency(hash: &str) -> Key {
    key(format!("key/{hash}"))
}

pub(crate) fn session(session: &SessionPlace) -> String {
    session.prefix()
}

/// Behind everything of a session.
pub(crate) fn behind_session(session: &SessionPlace) -> Key {
    key(format!("{}~", session.prefix()))
}

/// The session that a key belongs to.
pub(crate) fn session_of(key: &Key, owner: &Owner) -> Option<SessionId> {
    let session = key.as_str().strip_prefix(&owner.sessions())?.split('/').next()?;
    SessionId::parse(session).ok()
}

pub(crate) fn messages(session: &SessionPlace) -> String {
    format!("{}message/", session.prefix())
}

pub(crate) fn message(session: &SessionPlace, number: u64) -> Key {
    key(format!("{}message/{number:012}", session.prefix()))
}

pub(crate) fn summary(session: &SessionPlace) -> Key {
    key(format!("{}summary", session.prefix()))
}

pub(crate) fn read(session: &SessionPlace) -> Key {
    key(format!("{}read", session.prefix()))
}

/// The last part of a key, as what it stands for.
pub(crate) fn last_part<T: std::str::FromStr>(key: &Key) -> Option<T> {
    key.as_str().rsplit('/').next()?.parse().ok()
}
