//! One stream: down go the policies of the pod's Agent, up comes what the pod runs with.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use skreaver_protocol::approval::{ApprovalRequest, MOST_WAITING, PREVIEW_MAX};
use skreaver_protocol::control::{FoundSource, FoundTool, FromRuntime, ToRuntime};
use skreaver_protocol::rest::Component;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::caller::Caller;
use super::hub::{Hub, PodReport};

/// Between two pings.
const PING: Duration = Duration::from_secs(10);
/// A pod that is silent for this long is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// A message that takes longer is given up, and the pod with it.
const SEND: Duration = Duration::from_secs(10);
/// Then the pod must come back with a fresh token.
const LIFETIME: Duration = Duration::from_secs(3000);
/// Components that are kept of what a pod tells.
const COMPONENTS: usize = 128;
/// Sources of tools, and tools of each.
const SOURCES: usize = 64;
const TOOLS: usize = 256;
/// Characters that are kept of a text that a pod tells.
const TEXT: usize = 512;
/// Reports that a pod may send at once; more than one each [`REPORT_PAUSE`] ends the stream.
const REPORT_BURST: u32 = 64;
const REPORT_PAUSE: Duration = Duration::from_millis(250);

/// Runs until either side has had enough.
pub(crate) async fn run(mut socket: WebSocket, caller: &Caller, id: u64, hub: &Hub, stop: &CancellationToken) {
    let (namespace, agent) = (caller.agent.0.as_str(), caller.agent.1.as_str());
    tracing::info!(namespace, agent, pod = caller.pod, "control stream opened");
    let end = exchange(&mut socket, caller, id, hub, stop).await;
    hub.leave(&caller.agent, &caller.pod, id);
    tracing::info!(namespace, agent, pod = caller.pod, end, "control stream closed");
    let frame = CloseFrame { code: close_code::AWAY, reason: end.into() };
    // Who is gone already need not hear it.
    let _ = timeout(Duration::from_secs(1), socket.send(Message::Close(Some(frame)))).await;
}

/// Tells why it ended.
async fn exchange(socket: &mut WebSocket, caller: &Caller, id: u64, hub: &Hub, stop: &CancellationToken) -> &'static str {
    let mut bundles = hub.subscribe(&caller.agent);
    bundles.mark_changed();
    let mut votes = hub.subscribe_votes(&caller.agent);
    votes.mark_changed();
    let mut keys = hub.subscribe_keys(&caller.agent);
    keys.mark_changed();
    let mut pings = interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let expires = Instant::now() + LIFETIME;
    let mut heard = Instant::now();
    let mut budget = Budget::new();
    loop {
        tokio::select! {
            changed = bundles.changed() => {
                if changed.is_err() {
                    return "the agent is another one now";
                }
                let bundle = bundles.borrow_and_update().clone();
                if let Some(bundle) = bundle && !send(socket, message(&ToRuntime::Policies { bundle })).await {
                    return "the pod does not take its policies";
                }
            }
            changed = votes.changed() => {
                if changed.is_err() {
                    return "the agent is another one now";
                }
                let votes = votes.borrow_and_update().clone();
                if let Some(votes) = votes && !send(socket, message(&ToRuntime::Approvals { votes })).await {
                    return "the pod does not take what people said";
                }
            }
            changed = keys.changed() => {
                if changed.is_err() {
                    return "the agent is another one now";
                }
                let keys = keys.borrow_and_update().clone();
                if let Some(keys) = keys && !send(socket, message(&ToRuntime::KeySets { keys })).await {
                    return "the pod does not take the keys of issuers";
                }
            }
            received = socket.recv() => {
                heard = Instant::now();
                match received {
                    Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                        Ok(message) if budget.spend(heard) => take(message, caller, id, hub),
                        Ok(FromRuntime::State { .. } | FromRuntime::Approvals { .. } | FromRuntime::KeysWanted { .. }) => return "the pod reports too often",
                        Err(_) => return "the pod sent no message of ours",
                    },
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Binary(_))) => return "the pod sent no message of ours",
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return "the pod has gone",
                }
            }
            _ = pings.tick() => {
                if heard.elapsed() > SILENCE || !send(socket, Message::Ping(Vec::new().into())).await {
                    return "the pod is silent";
                }
            }
            () = sleep_until(expires) => return "the token has grown old",
            () = stop.cancelled() => return "the operator stops",
        }
    }
}

fn message(told: &ToRuntime) -> Message {
    Message::Text(serde_json::to_string(told).expect("wire types are JSON").into())
}

async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(timeout(SEND, socket.send(message)).await, Ok(Ok(())))
}

fn take(message: FromRuntime, caller: &Caller, id: u64, hub: &Hub) {
    match message {
        FromRuntime::State { policy_version, policy_problem, components, sources } => {
            let components = components.into_iter().take(COMPONENTS).map(shortened).collect();
            let report =
                PodReport { policy_version, policy_problem: policy_problem.map(short), components, sources: bounded(sources) };
            hub.report(&caller.agent, &caller.pod, id, report);
        }
        FromRuntime::Approvals { waiting } => {
            let own = waiting.into_iter().filter(|request| is_own(request, &caller.agent.1)).take(MOST_WAITING);
            hub.ask(&caller.agent, &caller.pod, id, own.collect());
        }
        FromRuntime::KeysWanted { wanted } => hub.want_keys(&caller.agent, &wanted),
    }
}

/// As many sources, and as many tools of each, as a status has room for.
fn bounded(sources: Vec<FoundSource>) -> Vec<FoundSource> {
    let fits = |tool: &FoundTool| tool.name.len() <= 128 && tool.digest.len() <= 64;
    let one = |FoundSource { name, tools }| FoundSource { name, tools: tools.into_iter().filter(fits).take(TOOLS).collect() };
    sources.into_iter().take(SOURCES).map(one).collect()
}

/// A pod speaks for its own Agent only, and in sizes that a ToolApproval takes.
fn is_own(request: &ApprovalRequest, agent: &str) -> bool {
    let ApprovalRequest { name, run, digest, preview, asked_by, quorum, .. } = request;
    let digits = name.strip_prefix(agent).and_then(|rest| rest.strip_prefix('-'));
    let is_hex =
        |text: &str| !text.is_empty() && text.len() <= 64 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    request.agent.as_str() == agent
        && digits.is_some_and(is_hex)
        && is_hex(digest)
        && run.len() <= 64
        && preview.to_string().len() <= 2 * PREVIEW_MAX
        && asked_by.len() <= 64
        && (1..=10).contains(quorum)
}

fn shortened(component: Component) -> Component {
    let Component { name, state, reason, message } = component;
    Component { name: short(name), state, reason, message: message.map(short) }
}

fn short(text: String) -> String {
    text.chars().take(TEXT).collect()
}

/// How many reports a pod may still send.
struct Budget {
    left: u32,
    since: Instant,
}

impl Budget {
    fn new() -> Self {
        Self { left: REPORT_BURST, since: Instant::now() }
    }

    fn spend(&mut self, now: Instant) -> bool {
        let earned = now.saturating_duration_since(self.since).as_millis() / REPORT_PAUSE.as_millis();
        if earned > 0 {
            self.left = self.left.saturating_add(u32::try_from(earned).unwrap_or(REPORT_BURST)).min(REPORT_BURST);
            self.since = now;
        }
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None => return false,
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_may_report_in_bursts_but_not_without_end() {
        let mut budget = Budget::new();
        let start = budget.since;
        assert!((0..REPORT_BURST).all(|_| budget.spend(start)));
        assert!(!budget.spend(start));
        assert!(budget.spend(start + REPORT_PAUSE));
        assert!(!budget.spend(start + REPORT_PAUSE));
    }
}
