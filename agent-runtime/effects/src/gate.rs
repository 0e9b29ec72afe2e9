//! How many calls of an agent are at work at the same time.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Counts the calls of one agent that are at work. The limit comes with each call, for policies change.
#[derive(Debug, Default)]
pub struct Gate {
    working: Mutex<usize>,
    freed: Notify,
}

/// One call at work: it counts as long as this lives, also when nobody waits for its end any more.
#[derive(Debug)]
pub struct Pass(Arc<Gate>);

impl Gate {
    /// Waits until fewer than `limit` calls are at work. The caller bounds the wait.
    pub async fn enter(self: &Arc<Self>, limit: usize) -> Pass {
        loop {
            // Made before the count is read, so that no call ends unnoticed in between.
            let freed = self.freed.notified();
            if self.try_enter(limit) {
                return Pass(Arc::clone(self));
            }
            freed.await;
        }
    }

    fn try_enter(&self, limit: usize) -> bool {
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let free = *working < limit;
        *working += usize::from(free);
        free
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        *self.0.working.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_more_than_the_limit_are_at_work_and_all_come_through() {
        let (gate, working, most) = (Arc::new(Gate::default()), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let calls: Vec<_> = (0..500)
            .map(|_| {
                let (gate, working, most) = (gate.clone(), working.clone(), most.clone());
                tokio::spawn(async move {
                    let _pass = gate.enter(3).await;
                    most.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    working.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_lower_limit_counts_for_the_calls_after_it() {
        let gate = Arc::new(Gate::default());
        let passes = [gate.enter(2).await, gate.enter(2).await];
        assert!(!gate.try_enter(1));
        let [first, second] = passes;
        drop(first);
        assert!(!gate.try_enter(1));
        drop(second);
        assert!(gate.try_enter(1));
    }
}
