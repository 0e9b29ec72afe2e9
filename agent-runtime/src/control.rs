//! The pod's end of the control channel: one outbound stream to the operator, from which policies come within seconds.
//!
//! When the operator is away the agent goes on with the policies it has. They are `Stale` then, and that is told.

mod connect;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use skreaver_policy::Policy;
use skreaver_protocol::ToolName;
use skreaver_protocol::config::ControlConfig;
use skreaver_protocol::control::{FoundSource, FromRuntime, ToRuntime};
use skreaver_protocol::policy::PolicyBundle;
use skreaver_protocol::rest::ComponentState;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use self::connect::{ConnectError, Stream, connect};
use crate::agent::ServedAgent;
use crate::readiness::POLICY;
use crate::runtime::Runtime;
use crate::trace::{info, warn};

/// How long policies that nobody has confirmed keep a pod from being ready, and how long a lost stream goes unmentioned.
const PATIENCE: Duration = Duration::from_secs(10);
/// The operator pings more often than this; silence means that the stream is dead.
const SILENCE: Duration = Duration::from_secs(60);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
enum StreamError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the stream broke")]
    Broken(#[from] tokio_tungstenite::tungstenite::Error),
    #[error("the operator closed the stream")]
    Closed,
    #[error("nothing was heard from the operator for {}s", SILENCE.as_secs())]
    Silent,
    #[error("failed to read a message of the operator")]
    Message(#[from] serde_json::Error),
}

/// Keeps the stream up until `stop`. Returns at once where there is no operator to follow.
pub(crate) async fn follow(runtime: &Runtime, stop: CancellationToken) {
    let control = runtime.cluster().and_then(|cluster| cluster.control.as_ref());
    let (Some(control), Some(agent)) = (control, runtime.agents().into_iter().next()) else { return };
    let follower = Follower {
        runtime,
        agent,
        confirmed: watch::Sender::new(false),
        no_keys: watch::Sender::default(),
        #[cfg(not(feature = "network"))]
        no_sources: watch::Sender::default(),
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = follower.reconnect(control) => {}
        () = follower.watch_staleness() => {}
    }
}

struct Follower<'a> {
    runtime: &'a Runtime,
    agent: Arc<ServedAgent>,
    /// Whether the operator has confirmed the policies on the present stream.
    confirmed: watch::Sender<bool>,
    /// Where nobody asks for keys.
    no_keys: watch::Sender<BTreeSet<String>>,
    #[cfg(not(feature = "network"))]
    no_sources: watch::Sender<BTreeMap<ToolName, FoundSource>>,
}

impl Follower<'_> {
    async fn reconnect(&self, control: &ControlConfig) {
        let mut pause = FIRST_RETRY;
        loop {
            let error = match self.session(control).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            if self.confirmed.send_replace(false) {
                pause = FIRST_RETRY;
            }
            warn!(error = &error as &dyn std::error::Error, "no stream to the operator");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_RETRY);
        }
    }

    async fn session(&self, control: &ControlConfig) -> Result<std::convert::Infallible, StreamError> {
        let mut stream = connect(control).await?;
        info!("stream to the operator is up");
        let mut components = self.runtime.components.subscribe();
        let mut approvals = self.agent.approvals().changes();
        let mut sources = self.found();
        let mut wanted = self.runtime.guard.as_ref().map_or_else(|| self.no_keys.subscribe(), |guard| guard.wanted());
        let (mut problem, mut told) = (None, [None, None]);
        loop {
            self.report(&mut stream, problem.clone(), &mut told).await?;
            if let Some(wanted) = self.runtime.guard.as_ref().and_then(|guard| guard.take_wanted()) {
                send(&mut stream, &FromRuntime::KeysWanted { wanted }).await?;
            }
            tokio::select! {
                _ = components.changed() => {}
                _ = approvals.changed() => {}
                _ = sources.changed() => {}
                _ = wanted.changed() => {}
                message = next(&mut stream) => {
                    match message? {
                        ToRuntime::Policies { bundle } => problem = self.take(&bundle),
                        ToRuntime::Approvals { votes } => self.agent.approvals().told(votes),
                        ToRuntime::KeySets { keys } => self.runtime.guard.iter().for_each(|guard| guard.take(&keys)),
                    }
                }
            }
        }
    }

    /// The sources of tools that the pod found, now and from now on.
    fn found(&self) -> watch::Receiver<BTreeMap<ToolName, FoundSource>> {
        #[cfg(feature = "network")]
        return self.agent.sources().found();
        #[cfg(not(feature = "network"))]
        self.no_sources.subscribe()
    }

    /// Tells what is in force and which calls wait for people, each where it is not what was told last.
    async fn report(
        &self,
        stream: &mut Stream,
        policy_problem: Option<String>,
        told: &mut [Option<FromRuntime>; 2],
    ) -> Result<(), StreamError> {
        let policy_version = self.agent.policy_version();
        let components = self.runtime.readiness().components;
        let waiting = self.agent.approvals().waiting().into_iter().map(|(request, _)| request).collect();
        let state = FromRuntime::State {
            policy_version,
            policy_problem,
            components,
            sources: self.found().borrow().values().cloned().collect(),
        };
        for (message, told) in [state, FromRuntime::Approvals { waiting }].into_iter().zip(told) {
            if told.as_ref() != Some(&message) {
                send(stream, &message).await?;
                *told = Some(message);
            }
        }
        Ok(())
    }

    /// Puts a bundle in force unless it is older than what is. Returns why the newest one is not in force, if it is not.
    fn take(&self, bundle: &PolicyBundle) -> Option<String> {
        let current = self.agent.policy_version();
        if bundle.version < current {
            warn!(offered = bundle.version, current, "older policies were offered and not taken");
            return Some(format!("version {} is older than {current}, which is in force", bundle.version));
        }
        if bundle.version > current {
            match Policy::compile(bundle) {
                Ok(policy) => {
                    self.agent.set_policy(policy);
                    info!(version = bundle.version, "policies replaced");
                }
                Err(problems) => {
                    let problems = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                    warn!(version = bundle.version, problems, "policies do not compile and are not taken");
                    return Some(problems);
                }
            }
        }
        #[cfg(feature = "network")]
        self.agent.sources().set_pins(bundle);
        self.set_policy_state(ComponentState::Ready, None);
        self.confirmed.send_replace(true);
        None
    }

    fn set_policy_state(&self, state: ComponentState, message: Option<String>) {
        self.agent.components().set(POLICY, state, None, message);
    }

    /// Says so when the policies have not been confirmed for a while.
    async fn watch_staleness(&self) {
        let mut confirmed = self.confirmed.subscribe();
        loop {
            if tokio::time::timeout(PATIENCE, confirmed.wait_for(|confirmed| *confirmed)).await.is_err() {
                let message = "the operator has not confirmed the policies; they may be old";
                warn!(version = self.agent.policy_version(), "{message}");
                self.set_policy_state(ComponentState::Stale, Some(message.to_owned()));
                let _ = confirmed.wait_for(|confirmed| *confirmed).await;
            }
            let _ = confirmed.wait_for(|confirmed| !*confirmed).await;
        }
    }
}

async fn send(stream: &mut Stream, message: &FromRuntime) -> Result<(), StreamError> {
    Ok(stream.send(Message::text(serde_json::to_string(message)?)).await?)
}

async fn next(stream: &mut Stream) -> Result<ToRuntime, StreamError> {
    loop {
        let message = tokio::time::timeout(SILENCE, stream.next()).await.map_err(|_| StreamError::Silent)?;
        match message.ok_or(StreamError::Closed)?? {
            Message::Text(text) => return Ok(serde_json::from_str(&text)?),
            Message::Close(_) => return Err(StreamError::Closed),
            // Pings are answered by the library; nothing else is ours.
            Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => {}
        }
    }
}
