//! An ordered map whose entries may expire: what the backends inside the process stand on.

use std::collections::btree_set::{BTreeSet, Range};
use std::collections::hash_map::{Entry, HashMap};
use std::num::NonZeroU64;
use std::ops::Bound;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::transaction::KeyRange;
use crate::{Key, Order, Scan};

/// When an entry is over: milliseconds since 1970 by the clock of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline(NonZeroU64);

/// Values by key. What has expired is not there, and takes room until it is purged.
#[derive(Debug)]
pub(crate) struct Ordered<V> {
    /// Found by hash: an ordered map compares a dozen keys to find one, which is most of the time of a read.
    entries: HashMap<Key, Slot<V>>,
    order: BTreeSet<Key>,
    deadlines: BTreeSet<(Deadline, Key)>,
}

#[derive(Debug)]
struct Slot<V> {
    value: V,
    deadline: Option<Deadline>,
}

impl Deadline {
    /// The end of a time that begins now, rounded up to a millisecond; nothing where that is never.
    pub(crate) fn after(ttl: Duration) -> Option<Self> {
        let millis = u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).ok()?;
        // What a signed number cannot hold is for ever too: databases have no others.
        now().checked_add(millis).filter(|end| *end <= i64::MAX as u64).and_then(Self::at)
    }

    /// A point in time; nothing for zero.
    pub(crate) fn at(millis: u64) -> Option<Self> {
        NonZeroU64::new(millis).map(Self)
    }

    pub(crate) fn millis(self) -> u64 {
        self.0.get()
    }

    pub(crate) fn is_over(self) -> bool {
        self.millis() <= now()
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl<V> Slot<V> {
    fn is_over(&self) -> bool {
        // Most entries have no deadline, and so most reads no need of a clock.
        self.deadline.is_some_and(Deadline::is_over)
    }
}

impl<V> Ordered<V> {
    pub(crate) fn new() -> Self {
        Self { entries: HashMap::new(), order: BTreeSet::new(), deadlines: BTreeSet::new() }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&V> {
        self.entries.get(key).filter(|slot| !slot.is_over()).map(|slot| &slot.value)
    }

    /// Puts a value, and gives back what was in its place, expired or not.
    pub(crate) fn put(&mut self, key: Key, value: V, deadline: Option<Deadline>) -> Option<(V, Option<Deadline>)> {
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, key.clone()));
        }
        let slot = Slot { value, deadline };
        let mut place = match self.entries.entry(key) {
            Entry::Occupied(place) => place,
            Entry::Vacant(place) => {
                self.order.insert(place.key().clone());
                place.insert(slot);
                return None;
            }
        };
        let old = place.insert(slot);
        if let Some(before) = old.deadline.filter(|_| old.deadline != deadline) {
            self.deadlines.remove(&(before, place.key().clone()));
        }
        Some((old.value, old.deadline))
    }

    /// Removes a key, and gives back what was there, expired or not.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<(V, Option<Deadline>)> {
        let Slot { value, deadline } = self.entries.remove(key)?;
        self.order.remove(key);
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, key.clone()));
        }
        Some((value, deadline))
    }

    /// Every key that begins so, expired or not.
    pub(crate) fn below(&self, prefix: &str) -> Vec<Key> {
        self.range(prefix, None).take_while(|key| key.as_str().starts_with(prefix)).cloned().collect()
    }

    /// What a scan meets.
    pub(crate) fn scan(&self, scan: &Scan) -> Vec<(&Key, &V)> {
        let Some(KeyRange { from, to }) = scan.range() else { return Vec::new() };
        let living = self.range(&from, to.as_deref()).filter_map(|key| Some((key, self.get(key)?)));
        match scan.order {
            Order::Ascending => living.take(scan.limit).collect(),
            Order::Descending => living.rev().take(scan.limit).collect(),
        }
    }

    fn range(&self, from: &str, to: Option<&str>) -> Range<'_, Key> {
        self.order.range::<str, _>((Bound::Included(from), to.map_or(Bound::Unbounded, Bound::Excluded)))
    }

    /// Removes what has expired, and gives it back.
    pub(crate) fn purge(&mut self) -> Vec<(Key, V)> {
        let mut gone = Vec::new();
        while let Some((deadline, _)) = self.deadlines.first()
            && deadline.is_over()
            && let Some((_, key)) = self.deadlines.pop_first()
        {
            self.order.remove(&key);
            gone.extend(self.entries.remove(&key).map(|slot| (key, slot.value)));
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    #[test]
    fn what_expired_is_gone_and_purged_once() {
        let mut map = Ordered::new();
        map.put(key("a"), 1, Deadline::after(Duration::ZERO));
        map.put(key("b"), 2, Deadline::after(Duration::ZERO));
        map.put(key("c"), 3, Deadline::after(Duration::from_secs(60)));
        map.put(key("b"), 4, None);
        assert_eq!((map.get(&key("a")), map.get(&key("b")), map.get(&key("c"))), (None, Some(&4), Some(&3)));
        assert_eq!(map.purge(), [(key("a"), 1)]);
        assert_eq!(map.purge(), []);
        assert_eq!(map.scan(&Scan::prefix("", 9)), [(&key("b"), &4), (&key("c"), &3)]);
        map.remove(&key("c"));
        assert!(map.deadlines.is_empty());
    }

    #[test]
    fn a_time_without_end_has_no_deadline() {
        assert_eq!(Deadline::after(Duration::MAX), None);
        assert_eq!(Deadline::after(Duration::from_millis(i64::MAX as u64)), None);
        assert!(Deadline::after(Duration::from_nanos(1)).is_some());
    }
}
