//! What has been drawn from rate limits so far: the one part of decisions that remembers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use skreaver_protocol::policy::RateLimit;

/// The most counters at a time. Who would need another one is refused: what cannot be counted cannot be decided.
const MOST_COUNTERS: usize = 10_000;

/// What the calls of one agent in one process have drawn from its rate limits.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Counters>);

#[derive(Debug)]
struct Counters {
    all: HashMap<Bucket, Counter>,
    /// Before this moment no window ends, so that there is nothing to clear away.
    clear_at: Duration,
}

impl Default for Counters {
    fn default() -> Self {
        Self { all: HashMap::new(), clear_at: Duration::MAX }
    }
}

/// What one limit counts apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Bucket {
    pub(crate) policy: Arc<str>,
    pub(crate) rule: Arc<str>,
    /// The session or caller; nothing where all count together.
    pub(crate) whose: Option<String>,
}

#[derive(Debug)]
struct Counter {
    calls: u32,
    /// When the window ends.
    until: Duration,
}

/// One call that is to be drawn from a limit.
#[derive(Debug, Clone)]
pub(crate) struct Draw {
    pub(crate) bucket: Bucket,
    pub(crate) limit: RateLimit,
}

/// Why a call cannot be drawn.
#[derive(Debug)]
pub(crate) struct Exhausted {
    pub(crate) bucket: Bucket,
    pub(crate) limit: RateLimit,
    /// How long until the window ends; nothing where there are too many counters.
    pub(crate) pause: Option<Duration>,
}

impl Ledger {
    /// Draws from all of the limits, or from none where one of them is exhausted. `now` is the time since a fixed moment.
    pub(crate) fn take(&self, draws: &[Draw], now: Duration) -> Result<(), Exhausted> {
        if draws.is_empty() {
            return Ok(());
        }
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for Draw { bucket, limit } in draws {
            let open = counters.all.get(bucket).filter(|counter| now < counter.until && counter.calls >= limit.calls);
            if let Some(counter) = open {
                return Err(Exhausted { bucket: bucket.clone(), limit: *limit, pause: Some(counter.until.saturating_sub(now)) });
            }
        }
        if counters.all.len() + draws.len() > MOST_COUNTERS {
            counters.clear(now);
            if let Some(Draw { bucket, limit }) = draws.first().filter(|_| counters.all.len() + draws.len() > MOST_COUNTERS) {
                return Err(Exhausted { bucket: bucket.clone(), limit: *limit, pause: None });
            }
        }
        for Draw { bucket, limit } in draws {
            counters.count(bucket, now, limit.window.get());
        }
        Ok(())
    }
}

impl Counters {
    fn count(&mut self, bucket: &Bucket, now: Duration, window: Duration) {
        match self.all.get_mut(bucket) {
            Some(counter) if now < counter.until => counter.calls += 1,
            Some(counter) => *counter = Counter { calls: 1, until: now + window },
            None => drop(self.all.insert(bucket.clone(), Counter { calls: 1, until: now + window })),
        }
        self.clear_at = self.clear_at.min(now + window);
    }

    /// Forgets the windows that have ended.
    fn clear(&mut self, now: Duration) {
        if now < self.clear_at {
            return;
        }
        self.all.retain(|_, counter| now < counter.until);
        self.clear_at = self.all.values().map(|counter| counter.until).min().unwrap_or(Duration::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skreaver_protocol::policy::Per;

    fn draw(rule: &str, whose: Option<usize>, calls: u32, window: &str) -> Draw {
        let bucket = Bucket { policy: "p".into(), rule: rule.into(), whose: whose.map(|number| number.to_string()) };
        Draw { bucket, limit: RateLimit { per: Per::Session, calls, window: window.parse().unwrap() } }
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_window_lets_so_many_through_and_the_next_one_again() {
        let (ledger, draws) = (Ledger::default(), [draw("r", None, 2, "10s")]);
        assert!(ledger.take(&draws, at(5)).is_ok());
        assert!(ledger.take(&draws, at(14)).is_ok());
        assert_eq!(ledger.take(&draws, at(14)).unwrap_err().pause, Some(at(1)));
        assert!(ledger.take(&draws, at(15)).is_ok());
    }

    #[test]
    fn what_one_limit_refuses_no_limit_counts() {
        let ledger = Ledger::default();
        let (wide, narrow) = (draw("wide", None, 2, "1h"), draw("narrow", None, 1, "1h"));
        assert!(ledger.take(&[wide.clone(), narrow.clone()], at(0)).is_ok());
        assert_eq!(&*ledger.take(&[wide.clone(), narrow], at(1)).unwrap_err().bucket.rule, "narrow");
        assert!(ledger.take(&[wide], at(1)).is_ok());
    }

    #[test]
    fn sessions_beyond_the_bound_are_refused_until_windows_end() {
        let ledger = Ledger::default();
        for session in 0..MOST_COUNTERS {
            assert!(ledger.take(&[draw("r", Some(session), 9, "60s")], at(1)).is_ok(), "{session}");
        }
        let one_more = [draw("r", Some(MOST_COUNTERS), 9, "60s")];
        assert_eq!(ledger.take(&one_more, at(60)).unwrap_err().pause, None);
        assert!(ledger.take(&one_more, at(61)).is_ok());
        assert_eq!(ledger.0.lock().unwrap().all.len(), 1);
    }
}
