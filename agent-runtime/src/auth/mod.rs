//! Who asks, judged by what is known now: keys change while requests are served, and none is refused for that.

#[cfg(feature = "control")]
mod operator;
mod sources;
mod wanted;

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::http::{HeaderMap, HeaderName, header};
use jiff::Timestamp;
use skreaver_auth::{Authenticator, Credentials, Identity, Keys};
use skreaver_protocol::auth::{API_KEY_HEADER, AuthConfig, KeySets, Permission};
use skreaver_protocol::rest::ComponentState;
use skreaver_protocol::{AgentName, Caller};
use tokio_util::sync::CancellationToken;

pub(crate) use skreaver_auth::Refusal;
pub use skreaver_auth::{ApiKeyProblem, ApiKeys, ConfigProblem, NewApiKey};

use self::sources::Sources;
use self::wanted::Wanted;
use crate::build::BuildError;
use crate::readiness::{AUTH, Components};
use crate::trace::{info, warn};

/// Judges requests, by an authenticator that is swapped whole.
pub(crate) struct Guard {
    live: ArcSwap<Authenticator>,
    sources: Sources,
    wanted: Wanted,
    components: Arc<Components>,
}

/// Somebody who is known, and the rules by which they were let in: one request is judged by one set of them.
#[derive(Debug)]
pub(crate) struct Known {
    authenticator: Arc<Authenticator>,
    identity: Identity,
}

impl Guard {
    /// For a configuration, with the keys that its files hold now.
    ///
    /// # Errors
    /// All that is wrong with the configuration. Files that cannot be read are told, and tried again.
    pub(crate) fn new(config: &AuthConfig, components: Arc<Components>) -> Result<Self, BuildError> {
        let live = Authenticator::new(config, Keys::default(), ApiKeys::default());
        let told = |problems: Vec<ConfigProblem>| problems.iter().map(|it| format!("/auth{it}")).collect::<Vec<_>>().join("; ");
        let live = live.map_err(|problems| BuildError::Auth { problems: told(problems) })?;
        let sources = Sources::new(config);
        let guard = Self { live: ArcSwap::from_pointee(live), sources, wanted: Wanted::default(), components };
        guard.tell_readiness();
        guard.look();
        Ok(guard)
    }

    /// Who sends a request with these headers. One whose key is not known yet waits for it for a moment.
    pub(crate) async fn ask(&self, headers: &HeaderMap) -> Result<Known, Refusal> {
        let key_header = HeaderName::from_static(API_KEY_HEADER);
        let values = |name| headers.get_all(name).into_iter().map(|value| value.as_bytes());
        let credentials = Credentials::of(values(header::AUTHORIZATION), values(key_header))?;
        match self.judge(credentials) {
            Err(refusal) => match refusal.wants_keys_of() {
                Some(issuer) => {
                    self.wanted.wait(issuer).await;
                    self.judge(credentials)
                }
                None => Err(refusal),
            },
            known => known,
        }
    }

    fn judge(&self, credentials: Credentials<'_>) -> Result<Known, Refusal> {
        let authenticator = self.live.load_full();
        let identity = authenticator.authenticate(credentials, Timestamp::now())?;
        Ok(Known { authenticator, identity })
    }

    /// Takes keys of issuers, from the operator or from a file. Who waits for some is told, also where nothing is new.
    pub(crate) fn take(&self, sets: &KeySets) {
        let mut problems = Vec::new();
        let before = self.live.rcu(|current| {
            let (keys, found) = current.keys().after(sets);
            problems = found;
            current.with_keys(keys)
        });
        for problem in problems {
            warn!(%problem, "a key of an issuer is not taken");
        }
        if sets.version > before.keys().version() {
            info!(version = sets.version, "keys of issuers replaced");
        }
        self.tell_readiness();
        self.wanted.answered();
    }

    fn take_api_keys(&self, keys: &ApiKeys) {
        self.live.rcu(|current| current.with_api_keys(keys.clone()));
        for role in self.live.load().unknown_roles() {
            warn!(role, "API keys are given a role that there is not");
        }
        info!("API keys replaced");
    }

    /// Readiness waits until there have been keys of every issuer. They never go away again.
    fn tell_readiness(&self) {
        let authenticator = self.live.load();
        let (state, message) = match authenticator.issuers_without_keys().as_slice() {
            [] => (ComponentState::Ready, None),
            missing => (ComponentState::NotReady, Some(format!("there are no keys yet of {}", missing.join(", ")))),
        };
        self.components.set(AUTH, state, None, message);
    }

    /// Reads files again that change, until `stop`.
    pub(crate) async fn keep(self: &Arc<Self>, stop: CancellationToken) {
        let _ = stop.run_until_cancelled(self.keep_looking()).await;
    }
}

impl Known {
    pub(crate) const fn caller(&self) -> &Caller {
        self.identity.caller()
    }

    /// When a connection that outlives the request has to end.
    #[cfg(any(feature = "openai", feature = "streaming", feature = "unstable-websocket"))]
    pub(crate) const fn expires(&self) -> Option<Timestamp> {
        self.identity.expires()
    }

    /// Whether they may do something with an agent.
    pub(crate) fn may(&self, agent: &AgentName, permission: Permission) -> Result<(), Refusal> {
        self.authenticator.authorize(&self.identity, agent, permission)
    }

    /// Whether they may do something with what belongs to `owner`.
    pub(crate) fn may_over(&self, agent: &AgentName, permission: Permission, owner: &Caller) -> Result<(), Refusal> {
        self.authenticator.authorize_over(&self.identity, agent, permission, owner)
    }
}
