//! What we remember of each Agent, so that nothing is written twice. All of it can be lost: it is then looked up again.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::core::ObjectMeta;
use serde_json::Value;
use skreaver_crds::AgentStatus;
use skreaver_protocol::auth::KeySets;
use skreaver_protocol::policy::PolicyBundle;
use skreaver_render::ChildKind;

use super::approvals::Unasked;
use super::children::is_controlled_by;
use crate::status::Written;

/// Namespace and name of an Agent.
pub type AgentKey = (String, String);

/// What we remember of all Agents.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<HashMap<AgentKey, Memory>>);

/// What we remember of one Agent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    pub(crate) uid: String,
    pub(crate) children: BTreeMap<ChildKind, Record>,
    pub(crate) bundle: Option<PolicyBundle>,
    /// By which keys its pods judge tokens.
    pub(crate) keys: Option<KeySets>,
    pub(crate) status: Option<Written<AgentStatus>>,
    pub(crate) failures: u32,
    pub(crate) unasked: Unasked,
}

/// What we applied last for a child, and what the API server made of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) wanted: u64,
    pub(crate) sight: Sight,
}

/// What can be seen of a child without reading all of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sight {
    pub(crate) uid: String,
    version: Version,
    labels: BTreeMap<String, String>,
    owners: Vec<OwnerReference>,
}

/// The generation where the kind has one, which status does not move; the resource version otherwise.
#[derive(Debug, Clone, PartialEq)]
enum Version {
    Generation(i64),
    Resource(Option<String>),
}

impl Ledger {
    /// What is remembered of an Agent; nothing of a namesake before it.
    pub(crate) fn recall(&self, key: &AgentKey, uid: &str) -> Memory {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).filter(|memory| memory.uid == uid).cloned();
        known.unwrap_or_else(|| Memory { uid: uid.to_owned(), ..Memory::default() })
    }

    pub(crate) fn remember(&self, key: AgentKey, memory: Memory) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, memory);
    }

    pub(crate) fn forget(&self, key: &AgentKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

impl Memory {
    /// The generation of the Deployment or StatefulSet that we made last.
    pub(crate) fn applied_generation(&self, pods: ChildKind) -> Option<i64> {
        match self.children.get(&pods)?.sight.version {
            Version::Generation(generation) => Some(generation),
            Version::Resource(_) => None,
        }
    }
}

impl Sight {
    pub(crate) fn of(meta: &ObjectMeta) -> Self {
        let version = match meta.generation {
            Some(generation) => Version::Generation(generation),
            None => Version::Resource(meta.resource_version.clone()),
        };
        Self {
            uid: meta.uid.clone().unwrap_or_default(),
            version,
            labels: meta.labels.clone().unwrap_or_default(),
            owners: meta.owner_references.clone().unwrap_or_default(),
        }
    }
}

/// A manifest in a number.
pub(crate) fn hash(manifest: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    manifest.hash(&mut hasher);
    hasher.finish()
}

/// Whether a child is as we left it, and we left it as it should be. A watch may lag, so a `false` asks for a closer look.
pub(crate) fn is_at_rest(wanted: Option<u64>, record: Option<&Record>, seen: Option<&Sight>) -> bool {
    match (wanted, record, seen) {
        (None, _, None) => true,
        (Some(wanted), Some(record), Some(seen)) => record.wanted == wanted && record.sight == *seen,
        (Some(_), None, _) | (Some(_), _, None) | (None, _, Some(_)) => false,
    }
}

/// What is to be done about a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Keep,
    /// Nothing now: it is going, and its going will call us again.
    Await,
    /// Write it; over the object with this UID, where there is one.
    Apply { over: Option<String> },
    /// Remove it, if it is still this very object.
    Delete { uid: String, version: String },
    /// Somebody else's object holds the name.
    Taken,
}

/// Decides about a child of which the API server has just told the whole truth.
pub(crate) fn judge(owner: &str, wanted: Option<u64>, record: Option<&Record>, live: Option<&ObjectMeta>) -> Verdict {
    let Some(live) = live else {
        return if wanted.is_some() { Verdict::Apply { over: None } } else { Verdict::Keep };
    };
    let sight = Sight::of(live);
    match wanted {
        Some(_) if !is_controlled_by(live, owner) => Verdict::Taken,
        None if !is_controlled_by(live, owner) => Verdict::Keep,
        _ if live.deletion_timestamp.is_some() => Verdict::Await,
        Some(_) if is_at_rest(wanted, record, Some(&sight)) => Verdict::Keep,
        Some(_) => Verdict::Apply { over: Some(sight.uid) },
        None => Verdict::Delete { uid: sight.uid, version: live.resource_version.clone().unwrap_or_default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(owner: &str, version: &str) -> ObjectMeta {
        let owner = OwnerReference { uid: owner.into(), controller: Some(true), ..OwnerReference::default() };
        ObjectMeta {
            uid: Some("child".into()),
            resource_version: Some(version.into()),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        }
    }

    fn check(wanted: Option<u64>, live: Option<&ObjectMeta>, expected: &Verdict) {
        let record = Record { wanted: 1, sight: Sight::of(&self::live("me", "5")) };
        assert_eq!(judge("me", wanted, Some(&record), live), *expected);
    }

    #[test]
    fn a_child_is_written_only_when_it_differs() {
        check(Some(1), Some(&live("me", "5")), &Verdict::Keep);
        check(Some(1), Some(&live("me", "6")), &Verdict::Apply { over: Some("child".into()) });
        check(Some(2), Some(&live("me", "5")), &Verdict::Apply { over: Some("child".into()) });
        check(Some(1), None, &Verdict::Apply { over: None });
    }

    #[test]
    fn a_foreign_object_is_never_touched() {
        check(Some(1), Some(&live("other", "5")), &Verdict::Taken);
        check(None, Some(&live("other", "5")), &Verdict::Keep);
    }

    #[test]
    fn what_is_no_longer_wanted_goes_and_what_goes_is_awaited() {
        check(None, Some(&live("me", "5")), &Verdict::Delete { uid: "child".into(), version: "5".into() });
        check(None, None, &Verdict::Keep);
        let going = ObjectMeta {
            deletion_timestamp: Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH)),
            ..live("me", "5")
        };
        check(Some(1), Some(&going), &Verdict::Await);
    }

    #[test]
    fn where_there_is_a_generation_the_resource_version_may_move() {
        let at = |version: &str| Sight::of(&ObjectMeta { generation: Some(3), ..live("me", version) });
        assert_eq!(at("5"), at("6"));
        let record = Record { wanted: 1, sight: at("5") };
        assert!(is_at_rest(Some(1), Some(&record), Some(&at("6"))));
        assert!(!is_at_rest(Some(1), Some(&record), None));
        assert!(!is_at_rest(None, None, Some(&at("6"))));
    }

    #[test]
    fn a_namesake_starts_with_an_empty_memory() {
        let ledger = Ledger::default();
        let key = ("ns".to_owned(), "chalk".to_owned());
        ledger.remember(key.clone(), Memory { failures: 3, ..ledger.recall(&key, "first") });
        assert_eq!(ledger.recall(&key, "first").failures, 3);
        assert_eq!(ledger.recall(&key, "second").failures, 0);
    }
}
