//! The targets, by what takes the bytes.

mod auth;
mod bounds;
mod detect;
mod http;
mod journal;
mod manifests;
mod model;
mod policy;
mod remote;
mod tools;
mod wire;

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Target;

macro_rules! targets {
    ($($file:ident: $($name:ident)+;)+) => {
        /// Every target.
        pub const ALL: &[Target] = &[$($(Target { name: stringify!($name), take: $file::$name },)+)+];
    };
}

targets! {
    wire: runtime_config policy_bundle to_runtime from_runtime websocket_messages rest_types problem names go_duration approvals;
    policy: authorize conditions globs goals digests security_toml;
    bounds: hosts paths;
    detect: secrets secrets_in_json content content_in_json log_lines;
    auth: credentials api_keys tokens key_sets;
    journal: journal_records rule_inputs audit_log memory_segments memory_keys;
    model: openai_answer openai_stream anthropic_answer anthropic_stream;
    remote: openapi url_template mcp_listing hops;
    tools: json_tools json_path xml html numbers tool_texts;
    http: requests;
    manifests: manifests;
}

/// The first line of an input, and what stands below it.
fn first_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    end.map_or((bytes, &[]), |end| (&bytes[..end], &bytes[end + 1..]))
}

/// What is read as this type is written so that it is read as the same again, and no third reading differs from the second.
fn kept_by_a_round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(bytes).ok()?;
    let written = serde_json::to_vec(&read).expect("what was read is written");
    let again: T = serde_json::from_slice(&written).expect("what was written is read");
    assert_eq!(read, again, "it is another thing after a round trip");
    assert_eq!(written, serde_json::to_vec(&again).expect("it was written before"));
    Some(read)
}
