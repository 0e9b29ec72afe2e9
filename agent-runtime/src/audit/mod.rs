//! The audit: one record for each decision over a tool call, on its way before the effect, and chained by hashes so that none
//! can be changed or taken out of the middle unseen.
//!
//! A record is a line of JSON. Its `hash` is the SHA-256 of the record without it, in the canonical form of RFC 8785, and
//! `previous` is the hash of the record before: [`verify`] needs nothing else, and does not mind when a collector of logs orders
//! the fields anew. What a chain cannot tell is whether its end is missing: keep the head that [`verify`] prints elsewhere.

mod auditor;
mod chain;
mod log;
mod record;
mod sink;
mod verify;

pub use log::{AuditError, AuditLog};
pub use record::{Decision, Entry, Finding, Findings, Outcome, Record, RefusedEffect};
pub use verify::{Break, ChainReport, Report, verify};

pub(crate) use auditor::{Auditor, Logs, recorded};
pub(crate) use log::Receipt;

/// Who writes: this process, on this machine or in this pod.
fn process() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}/{}", host.trim(), std::process::id())
}
