//! The keys by which an Agent's pods judge the tokens of callers: what they are told, and what its status says of them.

use std::time::Instant;

use jiff::Timestamp;
use skreaver_crds::condition::{ConditionType, Reason};
use skreaver_crds::{Agent, AgentStatus};
use skreaver_protocol::auth::{AuthConfig, KeySets};
use skreaver_render::{auth_config, key_sets};

use super::{AgentKey, Context};
use crate::conditions::{Truth, Verdict, find};
use crate::keys::Known;

/// What is known of the keys of an Agent's issuers.
#[derive(Debug, Default)]
pub(crate) struct CallerKeys {
    /// Nothing where callers are not asked who they are.
    auth: Option<AuthConfig>,
    known: Known,
}

impl CallerKeys {
    /// Looks them up, and has them fetched from now on.
    pub(crate) fn look_up(agent: &Agent, key: &AgentKey, ctx: &Context) -> Self {
        let auth = auth_config(agent, &ctx.settings);
        let issuers = auth.as_ref().map(|auth| auth.issuers.as_slice()).unwrap_or_default();
        let known = ctx.hub.issuers.want(key, issuers, Instant::now());
        Self { auth, known }
    }

    /// What the pods are told, after what they were told before.
    pub(crate) fn keys(&self, previous: Option<&KeySets>, now: Timestamp) -> Option<KeySets> {
        let now = u64::try_from(now.as_millisecond()).unwrap_or_default();
        self.auth.as_ref().map(|auth| key_sets(auth, &self.known.keys, previous, now))
    }

    /// What the condition AuthReady says. Nothing where no token is taken; what was said before while an answer is out.
    pub(crate) fn verdict(&self, before: &AgentStatus) -> Option<Verdict> {
        self.auth.as_ref().filter(|auth| !auth.issuers.is_empty())?;
        if !self.known.problems.is_empty() {
            return Some(Verdict::no(Reason::IssuerUnreachable, self.known.problems.join("; ")));
        }
        if self.known.is_pending {
            let said = find(&before.conditions, ConditionType::AuthReady)?;
            let (truth, reason) = match said.status.as_str() {
                "True" => (Truth::True, Reason::KeysKnown),
                _ => (Truth::False, Reason::IssuerUnreachable),
            };
            return Some(Verdict { truth, reason, message: said.message.clone() });
        }
        Some(Verdict::yes(Reason::KeysKnown, "the keys of every issuer are known"))
    }
}
