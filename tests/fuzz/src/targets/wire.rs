//! What stands in files and on the wire: read, written and read again it is the same.

use serde_json::Value;
use skreaver_protocol::approval::{ApprovalState, ApprovalVotes, Choice, Vote, tally};
use skreaver_protocol::config::RuntimeConfig;
use skreaver_protocol::control::{FromRuntime, ToRuntime};
use skreaver_protocol::name::TOOL_NAME_MAX;
use skreaver_protocol::policy::PolicyBundle;
use skreaver_protocol::problem::Problem;
use skreaver_protocol::rest::{ObserveRequest, RunEvent, RunStatus};
use skreaver_protocol::websocket::ClientMessage;
use skreaver_protocol::{AgentName, GoDuration, SessionId, ToolName};

use super::kept_by_a_round_trip;
use crate::Came;

pub(super) fn runtime_config(bytes: &[u8]) -> Came {
    Came::told(&kept_by_a_round_trip::<RuntimeConfig>(bytes).ok_or_else(|| why::<RuntimeConfig>(bytes)))
}

pub(super) fn policy_bundle(bytes: &[u8]) -> Came {
    Came::told(&kept_by_a_round_trip::<PolicyBundle>(bytes).ok_or_else(|| why::<PolicyBundle>(bytes)))
}

pub(super) fn to_runtime(bytes: &[u8]) -> Came {
    Came::told(&kept_by_a_round_trip::<ToRuntime>(bytes).ok_or_else(|| why::<ToRuntime>(bytes)))
}

pub(super) fn from_runtime(bytes: &[u8]) -> Came {
    Came::told(&kept_by_a_round_trip::<FromRuntime>(bytes).ok_or_else(|| why::<FromRuntime>(bytes)))
}

pub(super) fn websocket_messages(bytes: &[u8]) -> Came {
    Came::told(&kept_by_a_round_trip::<ClientMessage>(bytes).ok_or_else(|| why::<ClientMessage>(bytes)))
}

pub(super) fn rest_types(bytes: &[u8]) -> Came {
    let event = kept_by_a_round_trip::<RunEvent>(bytes);
    if let Some(event) = &event {
        let written = serde_json::to_value(event).expect("an event is JSON");
        assert_eq!(written["type"], event.name(), "the name of an event is its type");
    }
    Came::to(&(event, kept_by_a_round_trip::<ObserveRequest>(bytes), kept_by_a_round_trip::<RunStatus>(bytes)))
}

pub(super) fn problem(bytes: &[u8]) -> Came {
    let Some(problem) = kept_by_a_round_trip::<Problem>(bytes) else { return Came::told(&why::<Problem>(bytes)) };
    let made = Problem::new(problem.code, problem.detail.clone());
    assert!((400..600).contains(&made.status), "{} is no failure", made.status);
    Came::to(&problem)
}

/// Each name says of itself what it is, and is taken in JSON if and only if it is taken by itself.
pub(super) fn names(bytes: &[u8]) -> Came {
    let Ok(text) = std::str::from_utf8(bytes) else { return Came::NOTHING };
    let json = Value::from(text);
    let agent = AgentName::parse(text);
    let tool = ToolName::parse(text);
    let session = SessionId::parse(text);
    assert_eq!(agent.is_ok(), serde_json::from_value::<AgentName>(json.clone()).is_ok());
    assert_eq!(tool.is_ok(), serde_json::from_value::<ToolName>(json.clone()).is_ok());
    assert_eq!(session.is_ok(), serde_json::from_value::<SessionId>(json).is_ok());
    if let Ok(name) = &agent {
        assert_eq!(name.as_str(), text);
        assert!(text.len() <= 63 && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{text:?}");
        assert!(!text.starts_with('-') && !text.ends_with('-') && !text.is_empty(), "{text:?}");
    }
    for taken in [tool.as_ref().ok().map(ToolName::as_str), session.as_ref().ok().map(SessionId::as_str)].into_iter().flatten() {
        assert_eq!(taken, text);
        assert!(
            !text.is_empty() && text.is_ascii() && !text.contains(|c: char| c.is_ascii_control() || c.is_whitespace()),
            "{text:?}"
        );
    }
    assert!(tool.is_err() || text.len() <= TOOL_NAME_MAX);
    Came::to(&(agent.is_ok(), tool.is_ok(), session.is_ok(), agent.err().map(|error| error.to_string())))
}

/// A duration is written so that it is read as the same.
pub(super) fn go_duration(bytes: &[u8]) -> Came {
    let Ok(text) = std::str::from_utf8(bytes) else { return Came::NOTHING };
    let read = text.parse::<GoDuration>();
    if let Ok(duration) = &read {
        let written = serde_json::to_string(duration).expect("a duration is JSON");
        assert_eq!(&serde_json::from_str::<GoDuration>(&written).expect("it was written"), duration, "{text}");
    }
    Came::to(&read.map(|duration| duration.get().as_millis().checked_ilog10()).map_err(|error| error.to_string()))
}

/// One vote against it denies whatever else is said, and one vote more never makes an approval of a denial.
pub(super) fn approvals(bytes: &[u8]) -> Came {
    let Some(said) = kept_by_a_round_trip::<ApprovalVotes>(bytes) else { return Came::told(&why::<ApprovalVotes>(bytes)) };
    let eve = Vote { user: "eve".to_owned(), decision: Choice::Deny, reason: None };
    for quorum in [0, 1, 2, u32::MAX] {
        let state = tally(quorum, &said.votes);
        let mut more = said.votes.clone();
        more.push(eve.clone());
        assert_eq!(tally(quorum, &more), ApprovalState::Denied);
        more.retain(|vote| vote.decision == Choice::Approve);
        let approved = state == ApprovalState::Approved;
        assert!(!approved || tally(quorum, &more) == ApprovalState::Approved);
        assert!(!approved || more.len() >= usize::try_from(quorum.max(1)).unwrap_or(usize::MAX));
    }
    Came::to(&(said.votes.len(), tally(1, &said.votes), tally(2, &said.votes)))
}

fn why<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> String {
    serde_json::from_slice::<T>(bytes).err().map(|error| error.to_string()).unwrap_or_default()
}
