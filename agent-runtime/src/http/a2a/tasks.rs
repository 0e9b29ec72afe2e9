//! Runs as tasks (section 4.1): which state is which, and what is shown of one.

use std::collections::HashMap;

use a2a::{Artifact, Message, Part, Role, Task, TaskState, TaskStatus};
use skreaver_protocol::approval::ApprovalRequest;
use skreaver_protocol::problem::Problem;
use skreaver_protocol::rest::{RunState, RunStatus};

use crate::agent::Inside;

/// How much of a task is shown.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    /// The most messages; all where nothing is said.
    pub(super) history: Option<usize>,
    pub(super) artifacts: bool,
}

/// A run as a task.
pub(super) fn task(inside: Inside, shown: Shown) -> Task {
    let Inside { status, input, waits_for } = inside;
    let RunStatus { run, session, .. } = &status;
    let context_id = session.as_ref().map_or_else(|| run.clone(), ToString::to_string);
    let told = Message {
        message_id: format!("{run}-input"),
        context_id: Some(context_id.clone()),
        task_id: Some(run.clone()),
        ..Message::new(Role::User, vec![Part::text(input)])
    };
    let history = vec![told];
    let history = Some(history).filter(|_| shown.history != Some(0));
    let artifacts = status.output.as_deref().filter(|_| shown.artifacts).map(|output| vec![answer(output)]);
    Task {
        id: run.clone(),
        context_id: context_id.clone(),
        status: status_of(&status, waits_for.as_deref(), &context_id),
        artifacts,
        history,
        metadata: None,
    }
}

fn status_of(status: &RunStatus, waits_for: Option<&ApprovalRequest>, context: &str) -> TaskStatus {
    let message = match (&status.problem, waits_for) {
        (Some(problem), _) => Some(said(&status.run, context, "end", problem.detail.clone(), Some(problem))),
        (None, Some(request)) => Some(asked(&status.run, context, request)),
        (None, None) => None,
    };
    let at = status.ended_at.as_ref().unwrap_or(&status.accepted_at);
    TaskStatus { state: state(status.state, waits_for.is_some()), message, timestamp: at.parse().ok() }
}

/// A call that people have to approve waits for an authorization that does not come from the client: `AUTH_REQUIRED`, as
/// `INPUT_REQUIRED` would ask it for a message. `REJECTED` and `SUBMITTED` are never shown: what is refused is no run, and a
/// run is worked on from its acceptance on.
pub(super) fn state(state: RunState, rests: bool) -> TaskState {
    match state {
        RunState::Running if rests => TaskState::AuthRequired,
        RunState::Running => TaskState::Working,
        RunState::Completed => TaskState::Completed,
        RunState::Failed => TaskState::Failed,
        RunState::Cancelled => TaskState::Canceled,
    }
}

/// What the agent says of a task, outside of its answer.
pub(super) fn said(run: &str, context: &str, what: &str, text: String, problem: Option<&Problem>) -> Message {
    let metadata = problem.and_then(|problem| Some(HashMap::from([("problem".to_owned(), serde_json::to_value(problem).ok()?)])));
    Message {
        message_id: format!("{run}-{what}"),
        context_id: Some(context.to_owned()),
        task_id: Some(run.to_owned()),
        metadata,
        ..Message::new(Role::Agent, vec![Part::text(text)])
    }
}

/// What people are asked of a call, which a client that waits has to be told (section 7.6.1).
pub(super) fn asked(run: &str, context: &str, request: &ApprovalRequest) -> Message {
    let text = format!("the call of `{}` waits for people to approve it, as `{}`", request.tool, request.name);
    said(run, context, &format!("approval-{}", request.step), text, None)
}

/// An answer as the artifact of its task.
pub(super) fn answer(text: &str) -> Artifact {
    Artifact {
        artifact_id: "answer".to_owned(),
        name: Some("answer".to_owned()),
        description: None,
        parts: vec![Part::text(text)],
        metadata: None,
        extensions: None,
    }
}
