//! What happens in a run as A2A tells it (section 3.5): the task, then its changes. The answer is an artifact that grows; where
//! the model begins anew the artifact does too.

use a2a::{Artifact, Message, Part, StreamResponse, Task, TaskArtifactUpdateEvent, TaskState, TaskStatus, TaskStatusUpdateEvent};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use skreaver_protocol::problem::Code;
use skreaver_protocol::rest::RunEvent;

use super::error::Refused;
use super::operations::message;
use super::tasks::{answer, asked, said};
use crate::agent::Cursor;

/// What a client is told, each with the point behind it.
pub(super) type Responses = BoxStream<'static, (Option<Cursor>, Result<StreamResponse, Refused>)>;

/// Where nothing is kept the answer is one message (section 3.1.2), and a stream has nothing else.
pub(super) fn of_message(events: impl Stream<Item = (Cursor, RunEvent)> + Send + 'static) -> Responses {
    let told = events.filter_map(|(_, event)| async move {
        match event {
            RunEvent::Completed { response } => Some(Ok(StreamResponse::Message(message(&response.run, response.output)))),
            RunEvent::Failed { problem } => Some(Err(Refused::from(Box::new(problem)))),
            _ => None,
        }
    });
    told.map(|told| (None, told)).boxed()
}

/// A task from a point on; first as it is.
pub(super) fn of_task(first: Task, cursor: Cursor, events: impl Stream<Item = (Cursor, RunEvent)> + Send + 'static) -> Responses {
    let (id, context) = (first.id.clone(), first.context_id.clone());
    let is_over = first.status.state.is_terminal();
    let mut teller = Teller { id, context, grows: cursor.offset > 0 };
    let changes =
        events.map(move |(cursor, event)| stream::iter(teller.tell(event).into_iter().map(move |told| (Some(cursor), Ok(told)))));
    let first = stream::iter([(None, Ok(StreamResponse::Task(first)))]);
    // It may have been over before anybody looked: then it is told whole.
    if is_over { first.boxed() } else { first.chain(changes.flatten()).boxed() }
}

struct Teller {
    id: String,
    context: String,
    /// The artifact has a beginning that still holds.
    grows: bool,
}

impl Teller {
    fn tell(&mut self, event: RunEvent) -> Vec<StreamResponse> {
        match event {
            RunEvent::Started { .. } | RunEvent::ApprovalGranted { .. } => vec![self.status(TaskState::Working, None)],
            RunEvent::ModelDelta { text } => {
                let append = std::mem::replace(&mut self.grows, true);
                vec![self.artifact(Artifact { parts: vec![Part::text(text)], ..answer("") }, append, false)]
            }
            RunEvent::ModelReset | RunEvent::ToolCall { .. } => {
                self.grows = false;
                Vec::new()
            }
            RunEvent::ToolResult { .. } => Vec::new(),
            RunEvent::ApprovalRequested { call: _, request } => {
                vec![self.status(TaskState::AuthRequired, Some(asked(&self.id, &self.context, &request)))]
            }
            RunEvent::Completed { response } => {
                vec![self.artifact(answer(&response.output), false, true), self.status(TaskState::Completed, None)]
            }
            RunEvent::Failed { problem } => {
                let state = if problem.code == Code::Cancelled { TaskState::Canceled } else { TaskState::Failed };
                vec![self.status(state, Some(said(&self.id, &self.context, "end", problem.detail.clone(), Some(&problem))))]
            }
        }
    }

    fn status(&self, state: TaskState, message: Option<Message>) -> StreamResponse {
        let timestamp = jiff::Timestamp::now().to_string().parse().ok();
        StreamResponse::StatusUpdate(TaskStatusUpdateEvent {
            task_id: self.id.clone(),
            context_id: self.context.clone(),
            status: TaskStatus { state, message, timestamp },
            metadata: None,
        })
    }

    fn artifact(&self, artifact: Artifact, append: bool, last: bool) -> StreamResponse {
        StreamResponse::ArtifactUpdate(TaskArtifactUpdateEvent {
            task_id: self.id.clone(),
            context_id: self.context.clone(),
            artifact,
            append: Some(append),
            last_chunk: Some(last),
            metadata: None,
        })
    }
}
