//! The operations of A2A, whatever binding they come by (section 3.1).

use std::sync::Arc;

use a2a::{
    A2AError, CancelTaskRequest, GetTaskRequest, ListTasksRequest, ListTasksResponse, Message, Part, Role,
    SendMessageConfiguration, SendMessageRequest, SendMessageResponse, SubscribeToTaskRequest, Task, TaskState,
};
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use futures::StreamExt;
use skreaver_protocol::SessionId;
use skreaver_protocol::approval::ApprovalRequest;
use skreaver_protocol::auth::Permission;
use skreaver_protocol::problem::Code;
use skreaver_protocol::rest::{RunEvent, RunState, RunStatus};
use uuid::Uuid;

use super::card::output_mode;
use super::error::Refused;
use super::stream::{self, Responses};
use super::tasks::{Shown, asked, state, task};
use crate::agent::{Cursor, Observation, ServedAgent};
use crate::http::agents::hops;
use crate::http::extract::AgentOfPath;
use crate::http::{App, Asker, ProblemResponse};

pub(super) const TEXT: &str = "text/plain";
/// Tasks in one part of a list: where nothing is said, and at the most.
const PAGE: i32 = 50;
const LARGEST_PAGE: i32 = 100;
/// The most runs that a list looks at, and how many at a time.
const MOST_RUNS: usize = 10_000;
const RUNS: usize = 200;

/// Somebody who asks an agent.
pub(super) struct Client {
    agent: Arc<ServedAgent>,
    asker: Asker,
}

impl FromRequestParts<App> for Client {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let AgentOfPath(agent) = AgentOfPath::from_request_parts(parts, app).await?;
        Ok(Self { agent, asker: Asker::from_request_parts(parts, app).await? })
    }
}

impl Client {
    fn may(&self, permission: Permission) -> Result<(), Refused> {
        Ok(self.asker.may(&self.agent.config().name, permission)?)
    }

    /// The run that a task is, which is the client's own or one that it may do this with. What is no id of ours is no task, and an
    /// agent without memory has none.
    async fn run(&self, id: &str, permission: Permission) -> Result<Uuid, Refused> {
        self.may(permission)?;
        let run = id.parse().ok().filter(|_| self.agent.config().memory.is_some());
        let run = run.ok_or_else(|| A2AError::task_not_found(id))?;
        self.asker.owns(&self.agent, run, permission).await?;
        Ok(run)
    }
}

/// SendMessage (3.1.1).
pub(super) async fn send(
    client: &Client,
    headers: &HeaderMap,
    request: SendMessageRequest,
) -> Result<SendMessageResponse, Refused> {
    let configuration = configuration(&request);
    let shown = Shown { history: history(configuration.history_length)?, artifacts: true };
    let observation = observation(client, headers, request).await?;
    let agent = &client.agent;
    if agent.config().memory.is_none() {
        let answer = agent.observe(observation).await?;
        return Ok(SendMessageResponse::Message(message(&answer.run, answer.output)));
    }
    let begun = agent.begin(observation, configuration.return_immediately == Some(true)).await?;
    let waits_for = match configuration.return_immediately {
        Some(true) => None,
        Some(false) | None => until_it_stops(agent, begun.run).await?,
    };
    let mut task = shown_task(agent, begun.run, shown).await?;
    // It is told before it is written down.
    if let Some(request) = waits_for.filter(|_| task.status.state == TaskState::Working) {
        task.status.state = TaskState::AuthRequired;
        task.status.message = Some(asked(&task.id, &task.context_id, &request));
    }
    Ok(SendMessageResponse::Task(task))
}

/// SendStreamingMessage (3.1.2).
pub(super) async fn send_streaming(
    client: &Client,
    headers: &HeaderMap,
    request: SendMessageRequest,
) -> Result<Responses, Refused> {
    let configuration = configuration(&request);
    let shown = Shown { history: history(configuration.history_length)?, artifacts: true };
    let observation = observation(client, headers, request).await?;
    let agent = &client.agent;
    if agent.config().memory.is_none() {
        let events = agent.observe_events(observation).await?;
        return Ok(stream::of_message(events));
    }
    let run = agent.begin(observation, false).await?.run;
    follow(client, run, Cursor::default(), shown).await
}

/// GetTask (3.1.3).
pub(super) async fn get(client: &Client, request: GetTaskRequest) -> Result<Task, Refused> {
    let shown = Shown { history: history(request.history_length)?, artifacts: true };
    shown_task(&client.agent, client.run(&request.id, Permission::Read).await?, shown).await
}

/// ListTasks (3.1.4): those that changed last come first.
pub(super) async fn list(client: &Client, request: ListTasksRequest) -> Result<ListTasksResponse, Refused> {
    client.may(Permission::Read)?;
    let agent = &client.agent;
    let page_size = request.page_size.unwrap_or(PAGE);
    if !(1..=LARGEST_PAGE).contains(&page_size) {
        return Err(Refused::invalid(format!("pageSize is 1 to {LARGEST_PAGE}")));
    }
    let shown = Shown { history: history(request.history_length)?, artifacts: request.include_artifacts == Some(true) };
    let mut found: Vec<_> = runs(client).await?.into_iter().filter(|(_, run)| is_asked_for(&request, run)).collect();
    if let Some(status) = &request.status {
        let mut matching = Vec::new();
        for (key, found) in found {
            // Only of those under way it has to be looked up whether they wait for people.
            let rests = found.state == RunState::Running && agent.inside(known(&found.run)?).await?.waits_for.is_some();
            if state(found.state, rests) == *status {
                matching.push((key, found));
            }
        }
        found = matching;
    }
    found.sort_by(|(one, _), (other, _)| other.cmp(one));
    let total_size = i32::try_from(found.len()).unwrap_or(i32::MAX);
    let from = request.page_token.filter(|token| !token.is_empty());
    let mut rest = found.into_iter().filter(|(key, _)| from.as_ref().is_none_or(|from| key < from)).peekable();
    let (mut tasks, mut last) = (Vec::new(), String::new());
    while let Some((key, status)) = rest.next_if(|_| tasks.len() < usize::try_from(page_size).unwrap_or(usize::MAX)) {
        tasks.push(shown_task(agent, known(&status.run)?, shown).await?);
        last = key;
    }
    let next_page_token = if rest.peek().is_some() { last } else { String::new() };
    Ok(ListTasksResponse { tasks, next_page_token, page_size, total_size })
}

/// CancelTask (3.1.5). It is over within a few seconds, wherever it goes on.
pub(super) async fn cancel(client: &Client, request: CancelTaskRequest) -> Result<Task, Refused> {
    let run = client.run(&request.id, Permission::Cancel).await?;
    let agent = &client.agent;
    agent.cancel_run(run).await?;
    until_it_ends(agent, run).await?;
    shown_task(agent, run, Shown { history: None, artifacts: true }).await
}

/// SubscribeToTask (3.1.6), from where a client was if it says so.
pub(super) async fn subscribe(client: &Client, request: SubscribeToTaskRequest, cursor: Cursor) -> Result<Responses, Refused> {
    let run = client.run(&request.id, Permission::Read).await?;
    let shown = Shown { history: None, artifacts: true };
    if shown_task(&client.agent, run, shown).await?.status.state.is_terminal() {
        return Err(A2AError::unsupported_operation("the task is over: get it instead").into());
    }
    follow(client, run, cursor, shown).await
}

async fn follow(client: &Client, run: Uuid, cursor: Cursor, shown: Shown) -> Result<Responses, Refused> {
    let first = shown_task(&client.agent, run, shown).await?;
    let followed = client.agent.follow(run, cursor).await?;
    let asker = client.asker.clone();
    // For as long as the client may know.
    let events = followed.events().take_until(async move { asker.expired().await });
    Ok(stream::of_task(first, cursor, events))
}

/// What an agent is told by a message.
async fn observation(client: &Client, headers: &HeaderMap, request: SendMessageRequest) -> Result<Observation, Refused> {
    client.may(Permission::Observe)?;
    let agent = &client.agent;
    let configuration = configuration(&request);
    let SendMessageRequest { message, configuration: _, metadata: _, tenant: _ } = request;
    if configuration.task_push_notification_config.is_some() {
        return Err(A2AError::push_notification_not_supported().into());
    }
    let takes = |mode: &String| mode == output_mode(agent.config()) || mode == "*/*" || mode == TEXT;
    if configuration.accepted_output_modes.is_some_and(|modes| !modes.is_empty() && !modes.iter().any(takes)) {
        return Err(A2AError::content_type_not_supported().into());
    }
    if message.role != Role::User {
        return Err(Refused::invalid("message.role: send messages as ROLE_USER"));
    }
    if message.message_id.is_empty() {
        return Err(Refused::invalid("message.messageId is required"));
    }
    if let Some(id) = message.task_id.as_deref().filter(|id| !id.is_empty()) {
        let task =
            shown_task(agent, client.run(id, Permission::Read).await?, Shown { history: Some(0), artifacts: false }).await?;
        let detail = format!("task `{id}` takes no more messages: send one with contextId `{}` for a new task", task.context_id);
        return Err(A2AError::unsupported_operation(detail).into());
    }
    let input = text(&message.parts)?;
    let session = session(agent, message.context_id.filter(|context| !context.is_empty()))?;
    let hops = hops(headers)?;
    Ok(Observation { caller: client.asker.caller(), session, hops, ..Observation::new(input) })
}

fn configuration(request: &SendMessageRequest) -> SendMessageConfiguration {
    request.configuration.clone().unwrap_or(SendMessageConfiguration {
        accepted_output_modes: None,
        task_push_notification_config: None,
        history_length: None,
        return_immediately: None,
    })
}

/// A context is a session; one that the client does not name is new.
fn session(agent: &ServedAgent, context: Option<String>) -> Result<Option<SessionId>, Refused> {
    match (context, &agent.config().memory) {
        (Some(context), Some(_)) => {
            SessionId::parse(&context).map(Some).map_err(|error| Refused::invalid(format!("message.contextId: {error}")))
        }
        (None, Some(_)) => Ok(SessionId::parse(Uuid::now_v7().to_string()).ok()),
        (Some(_), None) => Err(A2AError::unsupported_operation("the agent has no memory, and a context needs one").into()),
        (None, None) => Ok(None),
    }
}

fn text(parts: &[Part]) -> Result<String, Refused> {
    let texts: Option<Vec<_>> = parts.iter().map(Part::as_text).collect();
    match texts {
        Some(texts) if !texts.is_empty() => Ok(texts.join("\n")),
        Some(_) => Err(Refused::invalid("message.parts: send at least one part")),
        None => Err(A2AError::content_type_not_supported().into()),
    }
}

/// What an agent without memory answers.
pub(super) fn message(run: &str, output: String) -> Message {
    Message { message_id: run.to_owned(), ..Message::new(Role::Agent, vec![Part::text(output)]) }
}

fn history(length: Option<i32>) -> Result<Option<usize>, Refused> {
    length.map(|length| usize::try_from(length).map_err(|_| Refused::invalid("historyLength is not negative"))).transpose()
}

/// The id of a run that was listed.
fn known(run: &str) -> Result<Uuid, Refused> {
    run.parse().map_err(|_| A2AError::task_not_found(run).into())
}

async fn shown_task(agent: &Arc<ServedAgent>, run: Uuid, shown: Shown) -> Result<Task, Refused> {
    match agent.inside(run).await {
        Ok(inside) => Ok(task(inside, shown)),
        Err(failure) if failure.code == Code::UnknownRun => Err(A2AError::task_not_found(&run.to_string()).into()),
        Err(failure) => Err(failure.into()),
    }
}

/// Waits until a run is over, or waits for people itself: then what they are asked.
async fn until_it_stops(agent: &Arc<ServedAgent>, run: Uuid) -> Result<Option<Box<ApprovalRequest>>, Refused> {
    let mut followed = agent.follow(run, Cursor::default()).await?;
    while let Some((_, event)) = followed.next().await {
        if let RunEvent::ApprovalRequested { request, .. } = event {
            return Ok(Some(request));
        }
    }
    Ok(None)
}

async fn until_it_ends(agent: &Arc<ServedAgent>, run: Uuid) -> Result<(), Refused> {
    let mut followed = agent.follow(run, Cursor::default()).await?;
    while followed.next().await.is_some() {}
    Ok(())
}

/// The runs of an agent that a client may know of, each with what it is sorted by.
async fn runs(client: &Client) -> Result<Vec<(String, RunStatus)>, Refused> {
    let Client { agent, asker } = client;
    let only = asker.only(&agent.config().name);
    let mut found = Vec::new();
    let mut before = None;
    while agent.config().memory.is_some() && found.len() < MOST_RUNS {
        let page = match only {
            Some(caller) => agent.list_runs_of(caller, before, RUNS).await?,
            None => agent.list_runs(before, RUNS).await?,
        };
        found.extend(page.runs.into_iter().map(|run| (place(&run), run)));
        before = page.next.and_then(|next| next.parse().ok());
        if before.is_none() {
            break;
        }
    }
    Ok(found)
}

fn changed(run: &RunStatus) -> &str {
    run.ended_at.as_deref().unwrap_or(&run.accepted_at)
}

/// Where a run stands in a list: by when it changed, in microseconds of a fixed width, as texts of times are not in their order.
fn place(run: &RunStatus) -> String {
    let at = changed(run).parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_microsecond);
    format!("{at:020}_{}", run.run)
}

fn is_asked_for(request: &ListTasksRequest, run: &RunStatus) -> bool {
    let in_context = request
        .context_id
        .as_ref()
        .filter(|context| !context.is_empty())
        .is_none_or(|context| run.session.as_ref().map_or(run.run.as_str(), SessionId::as_str) == context);
    let at = changed(run).parse().ok();
    let is_new = request.status_timestamp_after.is_none_or(|after| Some(after) <= at);
    in_context && is_new
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_changed_later_stands_later_however_its_time_is_written() {
        let place = |at: &str| {
            let run = serde_json::json!({"run": "r", "agent": "amber", "state": "running", "accepted_at": at});
            super::place(&serde_json::from_value(run).unwrap())
        };
        let times = ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.1Z", "2026-01-02T03:04:05.12Z", "2026-01-02T03:04:05.123Z"];
        assert!(times.map(place).is_sorted());
    }
}
