//! What each Agent's pods are told, and what they tell: the meeting point of the streams and the Agent controller.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt, stream};
use skreaver_protocol::approval::{ApprovalRequest, ApprovalVotes};
use skreaver_protocol::auth::{KeySets, KeysWanted};
use skreaver_protocol::control::FoundSource;
use skreaver_protocol::policy::PolicyBundle;
use skreaver_protocol::rest::Component;
use tokio::sync::watch;

use crate::agent::AgentKey;
use crate::keys::KeyBook;
use crate::scope::Scope;

/// Reports that stay the same for this long are worth a line of status.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// The most issuers of an Agent.
const MOST_ISSUERS: usize = 8;

/// What all pods are told, and tell.
pub struct Hub {
    agents: Mutex<HashMap<AgentKey, Entry>>,
    /// Agents whose pods have news, until the controller takes them. The number only wakes it up.
    news: Mutex<BTreeSet<AgentKey>>,
    wake: watch::Sender<u64>,
    started: Instant,
    /// The keys of the issuers that Agents trust.
    pub(crate) issuers: KeyBook,
}

struct Entry {
    /// The UID of the Agent: a namesake starts anew. Empty until the controller has seen it.
    uid: String,
    bundle: watch::Sender<Option<PolicyBundle>>,
    pods: BTreeMap<String, (u64, PodReport)>,
    /// The calls that wait for people in each pod, and the stream that told so.
    waiting: BTreeMap<String, (u64, Vec<ApprovalRequest>)>,
    /// What people said of them. Nothing until the controller has looked.
    votes: watch::Sender<Option<Vec<ApprovalVotes>>>,
    /// By which keys pods judge tokens. Nothing until the controller has looked, or where no token is taken.
    keys: watch::Sender<Option<KeySets>>,
    changed: Instant,
}

/// What a pod told last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodReport {
    /// The version of the policies that it enforces.
    pub policy_version: u64,
    /// Why it does not enforce the newest.
    pub policy_problem: Option<String>,
    /// Its components.
    pub components: Vec<Component>,
    /// The sources of tools that it found.
    pub sources: Vec<FoundSource>,
}

/// What the pods of an Agent told last.
#[derive(Debug, Clone, Default)]
pub struct Reports {
    /// By the name of the pod.
    pub pods: BTreeMap<String, PodReport>,
    /// Whether that has not changed for a while.
    pub stable: bool,
    /// When it will be stable, if nothing comes in between.
    pub settles_in: Option<Duration>,
}

impl Default for Hub {
    fn default() -> Self {
        let (wake, _) = watch::channel(0);
        Self { agents: Mutex::default(), news: Mutex::default(), wake, started: Instant::now(), issuers: KeyBook::default() }
    }
}

impl Hub {
    /// Tells the pods of an Agent, those that are connected and those to come.
    pub fn publish(&self, agent: &AgentKey, uid: &str, bundle: &PolicyBundle) {
        self.entry(agent, |entry| {
            if !entry.uid.is_empty() && entry.uid != uid {
                // Streams of the Agent before end with its channel.
                *entry = Entry::new(self.started);
            }
            uid.clone_into(&mut entry.uid);
            entry.bundle.send_if_modified(|last| {
                let is_new = last.as_ref().is_none_or(|last| last.version < bundle.version);
                if is_new {
                    *last = Some(bundle.clone());
                }
                is_new
            })
        });
    }

    /// Whether there is such an Agent.
    pub fn knows(&self, agent: &AgentKey) -> bool {
        lock(&self.agents).get(agent).is_some_and(|entry| !entry.uid.is_empty())
    }

    /// What the pods of an Agent are told, now and from now on. Nothing as long as the Agent was not seen.
    pub fn subscribe(&self, agent: &AgentKey) -> watch::Receiver<Option<PolicyBundle>> {
        self.entry(agent, |entry| entry.bundle.subscribe())
    }

    /// Takes what a pod tells. `stream` tells two streams of one pod apart.
    pub fn report(&self, agent: &AgentKey, pod: &str, stream: u64, report: PodReport) {
        let is_new = self.entry(agent, |entry| {
            let is_new = entry.pods.get(pod).is_none_or(|(_, last)| *last != report);
            entry.pods.insert(pod.to_owned(), (stream, report));
            is_new
        });
        if is_new {
            self.changed(agent);
        }
    }

    /// What people said of the calls of an Agent, for its pods.
    pub fn publish_votes(&self, agent: &AgentKey, votes: Vec<ApprovalVotes>) {
        self.entry(agent, |entry| {
            entry.votes.send_if_modified(|last| {
                let is_new = last.as_ref() != Some(&votes);
                if is_new {
                    *last = Some(votes);
                }
                is_new
            })
        });
    }

    /// What the pods of an Agent are told of its calls, now and from now on.
    pub fn subscribe_votes(&self, agent: &AgentKey) -> watch::Receiver<Option<Vec<ApprovalVotes>>> {
        self.entry(agent, |entry| entry.votes.subscribe())
    }

    /// By which keys the pods of an Agent judge tokens.
    pub fn publish_keys(&self, agent: &AgentKey, keys: &KeySets) {
        self.entry(agent, |entry| {
            entry.keys.send_if_modified(|last| {
                let is_new = last.as_ref().is_none_or(|last| last.version < keys.version);
                if is_new {
                    *last = Some(keys.clone());
                }
                is_new
            })
        });
    }

    /// The keys that the pods of an Agent are told, now and from now on.
    pub fn subscribe_keys(&self, agent: &AgentKey) -> watch::Receiver<Option<KeySets>> {
        self.entry(agent, |entry| entry.keys.subscribe())
    }

    /// Tells the pods of an Agent again what they know, so that who waits for keys goes on.
    pub(crate) fn repeat_keys(&self, agent: &AgentKey) {
        if let Some(entry) = lock(&self.agents).get(agent) {
            entry.keys.send_modify(|_| {});
        }
    }

    /// Takes that a pod has seen keys that it does not know.
    pub(crate) fn want_keys(&self, agent: &AgentKey, wanted: &KeysWanted) {
        let KeysWanted { issuers, version: _ } = wanted;
        let most = issuers.len().min(MOST_ISSUERS);
        if !self.issuers.look_again(agent, &issuers[..most], Instant::now()) {
            self.repeat_keys(agent);
        }
    }

    /// Takes which calls wait for people in a pod.
    pub fn ask(&self, agent: &AgentKey, pod: &str, stream: u64, waiting: Vec<ApprovalRequest>) {
        self.entry(agent, |entry| entry.waiting.insert(pod.to_owned(), (stream, waiting)));
        self.wake(agent);
    }

    /// The calls that wait in the pods of an Agent, by name. Nothing where no pod has told.
    pub fn asked(&self, agent: &AgentKey) -> Option<Vec<ApprovalRequest>> {
        let agents = lock(&self.agents);
        let pods = agents.get(agent).map(|entry| &entry.waiting).filter(|pods| !pods.is_empty())?;
        let all = pods.values().flat_map(|(_, waiting)| waiting);
        let by_name: BTreeMap<_, _> = all.map(|request| (request.name.clone(), request.clone())).collect();
        Some(by_name.into_values().collect())
    }

    /// Drops what a pod told, unless it has told more on a newer stream.
    pub fn leave(&self, agent: &AgentKey, pod: &str, stream: u64) {
        let left = self.entry(agent, |entry| {
            if entry.waiting.get(pod).is_some_and(|(last, _)| *last == stream) {
                entry.waiting.remove(pod);
            }
            let is_last = entry.pods.get(pod).is_some_and(|(last, _)| *last == stream);
            is_last && entry.pods.remove(pod).is_some()
        });
        if left {
            self.changed(agent);
        }
        lock(&self.agents).retain(|key, entry| key != agent || !entry.is_idle());
    }

    /// What the pods of an Agent told last.
    pub fn reports(&self, agent: &AgentKey, now: Instant) -> Reports {
        let agents = lock(&self.agents);
        let (pods, since) = match agents.get(agent) {
            Some(entry) => (entry.pods.iter().map(|(pod, (_, report))| (pod.clone(), report.clone())).collect(), entry.changed),
            None => (BTreeMap::new(), self.started),
        };
        let age = now.saturating_duration_since(since);
        let settles_in = STABLE_AFTER.checked_sub(age).filter(|left| !left.is_zero());
        Reports { pods, stable: settles_in.is_none(), settles_in }
    }

    /// Drops everything about an Agent that is gone. Its last streams end by themselves.
    pub fn forget(&self, agent: &AgentKey) {
        self.issuers.forget(agent);
        lock(&self.agents).remove(agent);
    }

    /// The Agents of a scope whose pods have news. Waking up late loses nothing: what is new is kept until it is taken.
    pub(crate) fn changes(self: &std::sync::Arc<Self>, scope: Scope) -> impl Stream<Item = AgentKey> + Send + use<> {
        let state = (std::sync::Arc::clone(self), self.wake.subscribe(), scope);
        stream::unfold(state, |(hub, mut wake, scope)| async move {
            wake.changed().await.ok()?;
            let mine: Vec<_> = lock(&hub.news).extract_if(.., |(namespace, _)| scope.contains(namespace)).collect();
            Some((stream::iter(mine), (hub, wake, scope)))
        })
        .flatten()
    }

    fn changed(&self, agent: &AgentKey) {
        self.entry(agent, |entry| entry.changed = Instant::now());
        self.wake(agent);
    }

    /// Makes the controller look at an Agent.
    pub(crate) fn wake(&self, agent: &AgentKey) {
        lock(&self.news).insert(agent.clone());
        self.wake.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn entry<T>(&self, agent: &AgentKey, act: impl FnOnce(&mut Entry) -> T) -> T {
        let mut agents = lock(&self.agents);
        act(agents.entry(agent.clone()).or_insert_with(|| Entry::new(self.started)))
    }
}

impl Entry {
    fn new(changed: Instant) -> Self {
        Self {
            uid: String::new(),
            bundle: watch::Sender::new(None),
            pods: BTreeMap::new(),
            waiting: BTreeMap::new(),
            votes: watch::Sender::new(None),
            keys: watch::Sender::new(None),
            changed,
        }
    }

    /// Whether it stands for an Agent that there is not, and for which nobody speaks.
    fn is_idle(&self) -> bool {
        self.uid.is_empty()
            && self.pods.is_empty()
            && [self.bundle.receiver_count(), self.votes.receiver_count(), self.keys.receiver_count()] == [0; 3]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent() -> AgentKey {
        ("quarry".into(), "chalk".into())
    }

    fn report(version: u64) -> PodReport {
        PodReport { policy_version: version, policy_problem: None, components: Vec::new(), sources: Vec::new() }
    }

    #[test]
    fn a_late_pod_is_told_what_holds_and_a_lower_version_is_not_told() {
        let hub = Hub::default();
        hub.publish(&agent(), "u", &PolicyBundle { version: 4, ..PolicyBundle::default() });
        hub.publish(&agent(), "u", &PolicyBundle { version: 3, ..PolicyBundle::default() });
        assert_eq!(hub.subscribe(&agent()).borrow().as_ref().map(|bundle| bundle.version), Some(4));
    }

    #[test]
    fn a_namesake_starts_anew() {
        let hub = Hub::default();
        hub.publish(&agent(), "u", &PolicyBundle { version: 4, ..PolicyBundle::default() });
        let old = hub.subscribe(&agent());
        hub.publish(&agent(), "v", &PolicyBundle { version: 1, ..PolicyBundle::default() });
        assert_eq!(hub.subscribe(&agent()).borrow().as_ref().map(|bundle| bundle.version), Some(1));
        assert!(old.has_changed().is_err());
    }

    #[test]
    fn an_old_stream_does_not_take_away_what_a_newer_one_told() {
        let hub = Hub::default();
        hub.report(&agent(), "pod", 1, report(1));
        hub.report(&agent(), "pod", 2, report(1));
        hub.leave(&agent(), "pod", 1);
        assert_eq!(hub.reports(&agent(), Instant::now()).pods.len(), 1);
        hub.leave(&agent(), "pod", 2);
        assert_eq!(hub.reports(&agent(), Instant::now()).pods.len(), 0);
    }

    #[test]
    fn reports_settle_after_ten_seconds_without_news() {
        let hub = Hub::default();
        hub.report(&agent(), "pod", 1, report(1));
        let now = Instant::now();
        assert!(!hub.reports(&agent(), now).stable);
        assert!(hub.reports(&agent(), now + Duration::from_secs(11)).stable);
    }
}
