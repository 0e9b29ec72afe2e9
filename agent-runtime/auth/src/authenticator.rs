//! The two questions: who asks, and may they.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use skreaver_protocol::auth::{AuthConfig, Permission, TokenIssuer};
use skreaver_protocol::{AgentName, Caller};

use crate::api_keys::{ApiKeys, Holder};
use crate::callers::caller;
use crate::check::{ConfigProblem, problems};
use crate::credentials::{Credentials, Kind};
use crate::keys::Keys;
use crate::refusal::Refusal;
use crate::roles::Roles;
use crate::shown::Shown;
use crate::token::Token;

/// Knows issuers, keys and roles. A change makes a new one, which is swapped in whole; copies are cheap.
#[derive(Debug, Clone)]
pub struct Authenticator {
    rules: Arc<Rules>,
    keys: Keys,
    api_keys: Arc<ApiKeys>,
}

#[derive(Debug)]
struct Rules {
    issuers: Vec<TokenIssuer>,
    roles: Roles,
}

/// Somebody who has proved who they are. Only [`Authenticator::authenticate`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    caller: Caller,
    /// The roles that an API key has by itself.
    roles: BTreeSet<String>,
    expires: Option<Timestamp>,
}

impl Identity {
    /// Who it is, as journals, audit records and policies name them.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// When what proved it ends: a connection that outlives the request ends with it. Nothing: an API key without an end.
    pub const fn expires(&self) -> Option<Timestamp> {
        self.expires
    }
}

impl Authenticator {
    /// For a configuration, with the keys that there are at the start.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration.
    pub fn new(config: &AuthConfig, keys: Keys, api_keys: ApiKeys) -> Result<Self, Vec<ConfigProblem>> {
        let found = problems(config);
        if !found.is_empty() {
            return Err(found);
        }
        let rules = Rules { issuers: config.issuers.clone(), roles: Roles::of(config) };
        Ok(Self { rules: Arc::new(rules), keys, api_keys: Arc::new(api_keys) })
    }

    /// The same with other keys of issuers, for which [`Keys::after`] is asked.
    #[must_use]
    pub fn with_keys(&self, keys: Keys) -> Self {
        Self { keys, ..self.clone() }
    }

    /// The same with other API keys.
    #[must_use]
    pub fn with_api_keys(&self, api_keys: ApiKeys) -> Self {
        Self { api_keys: Arc::new(api_keys), ..self.clone() }
    }

    /// The keys of issuers.
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The issuers of which there have been no keys yet.
    pub fn issuers_without_keys(&self) -> Vec<&str> {
        self.rules.issuers.iter().map(|issuer| issuer.url.as_str()).filter(|url| self.keys.of(url).is_none()).collect()
    }

    /// Roles that API keys are given and that there are not. They allow nothing, and whoever wrote them should be told.
    pub fn unknown_roles(&self) -> Vec<&str> {
        self.api_keys.roles().into_iter().filter(|role| !self.rules.roles.has(role)).collect()
    }

    /// Who asks.
    ///
    /// # Errors
    /// A [`Refusal`] where that is not proved.
    pub fn authenticate(&self, credentials: Credentials<'_>, now: Timestamp) -> Result<Identity, Refusal> {
        match credentials.0 {
            Kind::Token(token) => self.of_token(token, now),
            Kind::ApiKey(key) => {
                let Holder { name, roles, expires } = self.api_keys.holder(key, now)?;
                Ok(Identity { caller: Caller::ApiKey { name: name.to_owned() }, roles: roles.clone(), expires })
            }
        }
    }

    /// The issuer finds the keys, a key the algorithm, and only then is anything believed.
    fn of_token(&self, token: &str, now: Timestamp) -> Result<Identity, Refusal> {
        let token = Token::read(token)?;
        let issuer = self.rules.issuers.iter().find(|issuer| issuer.url == token.issuer());
        let issuer = issuer.ok_or_else(|| Refusal::UnknownIssuer(Shown::new(token.issuer())))?;
        let keys = self.keys.of(&issuer.url).ok_or_else(|| Refusal::NoKeys { issuer: issuer.url.clone() })?;
        let claims = token.verify(issuer, keys)?;
        let leeway = SignedDuration::try_from(issuer.leeway.get()).unwrap_or(SignedDuration::ZERO);
        claims.hold(&issuer.audiences, leeway, now)?;
        Ok(Identity { caller: caller(issuer, &claims)?, roles: BTreeSet::new(), expires: Some(claims.expires()) })
    }

    /// Whether they may do something with an agent: on things that are theirs or nobody's.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] where no role of theirs allows it.
    pub fn authorize(&self, identity: &Identity, agent: &AgentName, permission: Permission) -> Result<(), Refusal> {
        let Identity { caller, roles, expires: _ } = identity;
        if self.rules.roles.allow(caller, roles, agent, permission) {
            return Ok(());
        }
        Err(Refusal::Forbidden { caller: Shown::new(&caller.name()), agent: agent.to_string(), permission })
    }

    /// Whether they may do something with what belongs to `owner`: a run, or a session. It has to be theirs, or they have to be
    /// [`Admin`](Permission::Admin) as well.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] as above; [`Refusal::NotTheirs`], which is answered as if there were no such thing.
    pub fn authorize_over(
        &self,
        identity: &Identity,
        agent: &AgentName,
        permission: Permission,
        owner: &Caller,
    ) -> Result<(), Refusal> {
        self.authorize(identity, agent, permission)?;
        let Identity { caller, roles, expires: _ } = identity;
        if caller.identity() == owner.identity() || self.rules.roles.allow(caller, roles, agent, Permission::Admin) {
            return Ok(());
        }
        Err(Refusal::NotTheirs { caller: Shown::new(&caller.name()), agent: agent.to_string() })
    }
}
