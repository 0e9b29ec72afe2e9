//! One connection, from its first message to its close: one task, which reads, tells, and looks whether anybody is there.

use std::convert::Infallible;
use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use skreaver_protocol::AgentName;
use skreaver_protocol::auth::Permission;
use skreaver_protocol::problem::{Code, Problem};
use skreaver_protocol::rest::ApprovalDecision;
use skreaver_protocol::websocket::{ClientMessage, ServerMessage};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite;
use uuid::Uuid;

use super::manager::Place;
use super::runs::{Runs, problem};
use crate::agent::{Observation, Said};
use crate::http::{Asker, approvals, extract};
use crate::runtime::Runtime;

/// Pings and pongs between two heartbeats. An honest client needs a few.
const MOST_CONTROL_FRAMES: u32 = 256;
/// How long a client may take to answer that a connection ends.
const FAREWELL: Duration = Duration::from_secs(2);
/// Heartbeats without anything from the client: then it is gone.
const MOST_SILENT_BEATS: u32 = 2;
const GOING_AWAY: &str = "the runtime shuts down, and takes no more over this connection; open another";

/// How a connection ends.
enum Ended {
    /// Nobody can be reached any more.
    Gone,
    /// The client has closed it.
    ByClient,
    /// By us: a close code (RFC 6455, section 7.4.1), and a reason for people.
    Closed(u16, &'static str),
}

/// What happened to a connection.
enum Happened {
    Heard(Option<Result<Message, axum::Error>>),
    ToTell(ServerMessage),
    /// The last run is over.
    Quiet,
    Beat,
    GoingAway,
    /// What the client was let in with is valid no longer.
    Expired,
}

/// Holds a connection until either side ends it, the client is gone, or the process drains.
pub(super) async fn hold(mut socket: WebSocket, place: Place, runtime: Arc<Runtime>, agent: AgentName, asker: Asker) {
    let Err(ended) = converse(&mut socket, &place, &runtime, &agent, &asker).await;
    let farewell = async {
        match ended {
            Ended::Gone => return None,
            // The answer to its close waits in the socket, and goes out as that is read on.
            Ended::ByClient => {}
            Ended::Closed(code, reason) => {
                socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await.ok()?;
            }
        }
        while socket.recv().await?.is_ok() {}
        Some(())
    };
    let _answered = timeout(FAREWELL, farewell).await;
}

async fn converse(
    socket: &mut WebSocket,
    place: &Place,
    runtime: &Arc<Runtime>,
    agent: &AgentName,
    asker: &Asker,
) -> Result<Infallible, Ended> {
    let mut runs = Runs::default();
    let mut beat = interval_at(Instant::now() + place.heartbeat, place.heartbeat);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut is_going_away, mut silent_beats, mut control_frames) = (false, 0, 0);
    let mut expired = pin!(asker.expired());
    loop {
        if is_going_away && runs.is_idle() {
            return Err(Ended::Closed(close_code::AWAY, "the runtime shuts down"));
        }
        let happened = tokio::select! {
            heard = socket.recv() => Happened::Heard(heard),
            message = runs.next(), if !runs.is_idle() => message.map_or(Happened::Quiet, Happened::ToTell),
            _ = beat.tick() => Happened::Beat,
            () = place.going_away.cancelled(), if !is_going_away => Happened::GoingAway,
            () = &mut expired => Happened::Expired,
        };
        match happened {
            Happened::Heard(None) => return Err(Ended::Gone),
            Happened::Heard(Some(Ok(Message::Close(_)))) => return Err(Ended::ByClient),
            Happened::Heard(Some(Err(error))) => return Err(fault(&error)),
            Happened::Heard(Some(Ok(message))) => {
                silent_beats = 0;
                match message {
                    Message::Text(_) | Message::Binary(_) if is_going_away => runs.say(refused(Code::QueueFull, GOING_AWAY)),
                    Message::Text(text) => hear(text.as_bytes(), &mut runs, runtime, agent, asker),
                    Message::Binary(bytes) => hear(&bytes, &mut runs, runtime, agent, asker),
                    Message::Ping(_) | Message::Pong(_) | Message::Close(_) => control_frames += 1,
                }
            }
            Happened::ToTell(message) => {
                let text = serde_json::to_string(&message).expect("a message is JSON");
                send(socket, Message::Text(text.into()), place.heartbeat).await?;
            }
            Happened::Beat if silent_beats == MOST_SILENT_BEATS => {
                return Err(Ended::Closed(close_code::POLICY, "no sign of life"));
            }
            Happened::Beat => {
                (silent_beats, control_frames) = (silent_beats + 1, 0);
                send(socket, Message::Ping(Bytes::new()), place.heartbeat).await?;
            }
            Happened::Quiet => {}
            Happened::GoingAway => is_going_away = true,
            Happened::Expired => return Err(Ended::Closed(close_code::POLICY, "the token has expired; open another connection")),
        }
        if control_frames > MOST_CONTROL_FRAMES {
            return Err(Ended::Closed(close_code::POLICY, "too many pings"));
        }
    }
}

/// Sends, to a client that reads.
async fn send(socket: &mut WebSocket, message: Message, patience: Duration) -> Result<(), Ended> {
    match timeout(patience, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Ended::Gone),
        Err(_) => Err(Ended::Closed(close_code::AGAIN, "what is told is read too slowly")),
    }
}

/// Does what a message asks for.
fn hear(message: &[u8], runs: &mut Runs, runtime: &Arc<Runtime>, agent: &AgentName, asker: &Asker) {
    let message: ClientMessage = match extract::parse(message) {
        Ok(message) => message,
        Err(wrong) => return runs.say(problem(None, *asker.told(wrong))),
    };
    let Some(agent) = runtime.agent(agent.as_str()) else {
        return runs.say(problem(None, *asker.told(extract::unknown_agent(agent.as_str()))));
    };
    if let Err(refused) = asker.may(&agent.config().name, needed(&message)) {
        let request = match message {
            ClientMessage::Observe { request, .. } => request,
            ClientMessage::Cancel { .. } | ClientMessage::Decide { .. } => None,
        };
        return runs.say(problem(request, *asker.told(refused)));
    }
    match message {
        ClientMessage::Observe { input, session, idempotency_key, request } => {
            let run = Uuid::now_v7();
            let (caller, said) = (asker.caller(), Said::default());
            let observation = Observation { run, caller, input, session, said, idempotency_key, hops: 0 };
            runs.begin(&agent, observation, request);
        }
        ClientMessage::Cancel { run } => match Uuid::parse_str(&run) {
            Ok(run) => runs.cancel(&agent, asker.clone(), run),
            Err(error) => runs.say(refused(Code::InvalidRequest, format!("`run`: {error}"))),
        },
        ClientMessage::Decide { approval, decision, user, reason } => {
            let said = ApprovalDecision { decision, user, reason };
            runs.say(match approvals::decided(runtime, &agent, asker, &approval, said) {
                Ok(state) => ServerMessage::Decided { approval, state },
                Err(refused) => problem(None, *asker.told(refused)),
            });
        }
    }
}

/// What a message takes, as the same asked over REST does.
fn needed(message: &ClientMessage) -> Permission {
    match message {
        ClientMessage::Observe { .. } => Permission::Observe,
        ClientMessage::Cancel { .. } => Permission::Cancel,
        ClientMessage::Decide { .. } => Permission::Approve,
    }
}

fn refused(code: Code, detail: impl Into<String>) -> ServerMessage {
    problem(None, Problem::new(code, detail))
}

/// What a client did that is against the protocol, or that its connection broke.
fn fault(error: &axum::Error) -> Ended {
    use tungstenite::Error::{Capacity, Protocol, Utf8};
    use tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
    match error.source().and_then(|source| source.downcast_ref::<tungstenite::Error>()) {
        Some(Protocol(ResetWithoutClosingHandshake)) => Ended::Gone,
        Some(Protocol(_)) => Ended::Closed(close_code::PROTOCOL, "this is not the WebSocket protocol"),
        Some(Utf8(_)) => Ended::Closed(close_code::INVALID, "a text is not UTF-8"),
        Some(Capacity(_)) => Ended::Closed(close_code::SIZE, "a message is over the limit"),
        _ => Ended::Gone,
    }
}
