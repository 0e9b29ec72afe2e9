//! The public keys of issuers: who wants which, what is known of them, and when they are fetched again. Pure but for the lock.

mod fetch;
mod key_set;
mod provider;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use skreaver_protocol::auth::TokenIssuer;
use tokio::sync::Notify;

pub(crate) use fetch::{keep_fresh, learn_cluster};
pub(crate) use provider::Loopback;

use crate::agent::AgentKey;

/// How often keys are fetched where the issuer does not say, and the bounds of what it may say.
const USUAL: Duration = Duration::from_secs(600);
const SOONEST: Duration = Duration::from_secs(60);
const LATEST: Duration = Duration::from_secs(3600);
/// Between two fetches of one issuer's keys, whoever asks.
const PAUSE: Duration = Duration::from_secs(10);

/// Where keys are published. Those of the cluster come first: no number of providers that hang keeps them waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// By the API server.
    Cluster,
    /// By whoever the URL leads to.
    Provider,
}

/// What was fetched.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) keys: Value,
    /// For how long the issuer says that it holds.
    pub(crate) max_age: Option<Duration>,
}

/// The keys of all issuers that some Agent trusts.
#[derive(Default)]
pub(crate) struct KeyBook {
    issuers: Mutex<BTreeMap<String, Issuer>>,
    wake: Notify,
}

struct Issuer {
    place: Place,
    agents: BTreeSet<AgentKey>,
    keys: Option<Value>,
    problem: Option<String>,
    due: Instant,
    begun: Option<Instant>,
    failures: u32,
    is_running: bool,
}

/// What is known for an Agent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// Keys by issuer, as they were fetched.
    pub(crate) keys: BTreeMap<String, Value>,
    /// Why those of some issuer could not be.
    pub(crate) problems: Vec<String>,
    /// Whether some issuer has not answered yet, and not failed either.
    pub(crate) is_pending: bool,
}

/// Whom the end of a fetch concerns.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Concerned {
    /// Agents for which something has changed.
    pub(crate) changed: BTreeSet<AgentKey>,
    /// Agents whose pods are told the keys that they know, because they may wait for them.
    pub(crate) told: BTreeSet<AgentKey>,
}

impl KeyBook {
    /// Keeps the keys of the cluster itself, whether Agents trust it or not. From then on no Agent makes them come from elsewhere.
    fn keep_cluster(&self, url: &str, now: Instant) {
        self.lock().insert(url.to_owned(), Issuer::new(Place::Cluster, now));
    }

    /// What is known of the issuers of an Agent, which are fetched from now on.
    pub(crate) fn want(&self, agent: &AgentKey, issuers: &[TokenIssuer], now: Instant) -> Known {
        let mut book = self.lock();
        for (url, issuer) in book.iter_mut() {
            if !issuers.iter().any(|wanted| wanted.url == *url) {
                issuer.agents.remove(agent);
            }
        }
        let mut known = Known::default();
        for TokenIssuer { url, .. } in issuers {
            let issuer = book.entry(url.clone()).or_insert_with(|| Issuer::new(Place::Provider, now));
            issuer.agents.insert(agent.clone());
            known.keys.extend(issuer.keys.clone().map(|keys| (url.clone(), keys)));
            known.problems.extend(issuer.problem.clone());
            known.is_pending |= issuer.keys.is_none() && issuer.problem.is_none();
        }
        book.retain(|_, issuer| issuer.place == Place::Cluster || !issuer.agents.is_empty());
        self.wake.notify_one();
        known
    }

    /// Drops what an Agent wanted.
    pub(crate) fn forget(&self, agent: &AgentKey) {
        self.want(agent, &[], Instant::now());
    }

    /// A pod has seen keys of these issuers that it does not know. `true` where they are fetched at once; otherwise they are fresh,
    /// or the Agent does not trust who was named.
    pub(crate) fn look_again(&self, agent: &AgentKey, issuers: &[String], now: Instant) -> bool {
        let mut is_awaited = false;
        for url in issuers {
            let mut book = self.lock();
            let Some(issuer) = book.get_mut(url).filter(|issuer| issuer.agents.contains(agent)) else { continue };
            let earliest = issuer.begun.map_or(now, |begun| begun + PAUSE);
            issuer.due = issuer.due.min(earliest.max(now));
            is_awaited |= issuer.due <= now || issuer.is_running;
        }
        self.wake.notify_one();
        is_awaited
    }

    /// At most so many issuers whose keys are to be fetched now, and when to look again.
    fn take_due(&self, most: usize, now: Instant) -> (Vec<(String, Place)>, Option<Instant>) {
        let mut book = self.lock();
        let mut due: Vec<_> = book.iter_mut().filter(|(_, issuer)| issuer.due <= now && !issuer.is_running).collect();
        due.sort_by_key(|(_, issuer)| (issuer.place, issuer.due));
        let due = due.into_iter().take(most).map(|(url, issuer)| {
            (issuer.is_running, issuer.begun) = (true, Some(now));
            (url.clone(), issuer.place)
        });
        let due = due.collect();
        (due, book.values().filter(|issuer| !issuer.is_running).map(|issuer| issuer.due).min())
    }

    /// Takes how a fetch ended.
    fn settle(&self, url: &str, outcome: Result<Fetched, String>, now: Instant) -> Concerned {
        let mut book = self.lock();
        let Some(issuer) = book.get_mut(url) else { return Concerned::default() };
        issuer.is_running = false;
        let before = issuer.problem.take();
        let is_new = match outcome {
            Ok(Fetched { keys, max_age }) => {
                issuer.failures = 0;
                issuer.due = now + max_age.unwrap_or(USUAL).clamp(SOONEST, LATEST);
                let is_new = issuer.keys.as_ref() != Some(&keys);
                issuer.keys = Some(keys);
                is_new
            }
            Err(problem) => {
                issuer.failures = issuer.failures.saturating_add(1);
                issuer.due = now + PAUSE * (1 << issuer.failures.min(6)) / 2;
                issuer.problem = Some(problem);
                false
            }
        };
        let agents = issuer.agents.clone();
        let changed = if is_new || before != issuer.problem { agents.clone() } else { BTreeSet::new() };
        // New keys are told once the controller has given them a version.
        Concerned { changed, told: if is_new { BTreeSet::new() } else { agents } }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Issuer>> {
        self.issuers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Issuer {
    fn new(place: Place, now: Instant) -> Self {
        Self { place, agents: BTreeSet::new(), keys: None, problem: None, due: now, begun: None, failures: 0, is_running: false }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const URL: &str = "https://id.example.com";

    fn agent() -> AgentKey {
        ("quarry".into(), "chalk".into())
    }

    fn book(now: Instant) -> KeyBook {
        let book = KeyBook::default();
        want(&book, now);
        book
    }

    fn want(book: &KeyBook, now: Instant) -> Known {
        let issuer = json!({"kind": "OIDC", "url": URL, "audiences": ["chalk"]});
        book.want(&agent(), &[serde_json::from_value(issuer).unwrap()], now)
    }

    fn fetched(key: u8) -> Result<Fetched, String> {
        Ok(Fetched { keys: json!(key), max_age: None })
    }

    fn due(book: &KeyBook, now: Instant) -> usize {
        book.take_due(8, now).0.len()
    }

    #[test]
    fn strangers_cannot_make_us_ask_an_issuer_more_often_than_each_ten_seconds() {
        let start = Instant::now();
        let book = book(start);
        assert_eq!(due(&book, start), 1);
        assert!(book.look_again(&agent(), &[URL.into()], start), "who asks while keys are fetched waits for them");
        book.settle(URL, fetched(1), start);
        let soon = start + Duration::from_secs(3);
        assert!(!book.look_again(&agent(), &[URL.into(), "https://other.example.com".into()], soon));
        assert!(!book.look_again(&("quarry".into(), "slate".into()), &[URL.into()], start + PAUSE));
        assert_eq!((due(&book, soon), due(&book, start + PAUSE)), (0, 1));
    }

    #[test]
    fn new_keys_concern_the_controller_and_old_ones_those_who_wait() {
        let start = Instant::now();
        let book = book(start);
        let all = BTreeSet::from([agent()]);
        let settle = |outcome| {
            assert_eq!(due(&book, start + LATEST), 1);
            book.settle(URL, outcome, start)
        };
        assert_eq!(settle(fetched(1)), Concerned { changed: all.clone(), told: BTreeSet::new() });
        assert_eq!(settle(fetched(1)), Concerned { changed: BTreeSet::new(), told: all.clone() });
        assert_eq!(settle(Err("gone".into())), Concerned { changed: all.clone(), told: all.clone() });
        let known = want(&book, start);
        assert_eq!((known.keys.len(), known.problems, known.is_pending), (1, vec!["gone".to_owned()], false));
        assert_eq!(settle(Err("gone".into())), Concerned { changed: BTreeSet::new(), told: all.clone() });
        assert_eq!(settle(fetched(1)), Concerned { changed: all.clone(), told: all });
    }

    #[test]
    fn no_agent_keeps_the_keys_of_the_cluster_from_the_others() {
        let start = Instant::now();
        let book = KeyBook::default();
        book.keep_cluster("https://cluster.test", start + PAUSE);
        let issuer = |url: &str| serde_json::from_value(json!({"kind": "OIDC", "url": url, "audiences": ["chalk"]})).unwrap();
        book.want(&agent(), &[issuer("https://a.example.com"), issuer("https://cluster.test")], start);
        assert_eq!(book.take_due(1, start + PAUSE).0, [("https://cluster.test".to_owned(), Place::Cluster)]);
        book.settle("https://cluster.test", fetched(1), start);
        book.forget(&agent());
        assert_eq!(book.want(&agent(), &[issuer("https://cluster.test")], start).keys.len(), 1, "it stays when nobody wants it");
    }

    #[test]
    fn whom_nobody_trusts_any_more_is_not_asked() {
        let start = Instant::now();
        let book = book(start);
        book.forget(&agent());
        assert_eq!(due(&book, start), 0);
        assert_eq!(book.settle(URL, fetched(1), start), Concerned::default());
    }
}
