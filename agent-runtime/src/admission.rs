//! Who may run now, who waits, and who is refused: a bound on each agent's runs, and on those that wait for them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bound of one agent. Waiting is in order of arrival, and a place that comes free always wakes the next.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    /// One permit for each run that runs or waits.
    places: Arc<Semaphore>,
    /// One permit for each run that runs.
    running: Arc<Semaphore>,
    concurrency: usize,
    total: usize,
}

/// The agent runs and queues as much as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueFull;

/// A place in the queue. Dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Place {
    /// Absent for a run that has its place by right.
    place: Option<OwnedSemaphorePermit>,
    running: Arc<Semaphore>,
}

/// Leave to run. Dropped, the next one runs.
#[derive(Debug)]
pub(crate) struct Running {
    running: OwnedSemaphorePermit,
    _place: Option<OwnedSemaphorePermit>,
}

impl Admission {
    pub(crate) fn new(concurrency: u32, queue_length: u32) -> Self {
        let concurrency = concurrency as usize;
        let total = concurrency + queue_length as usize;
        Self { places: Arc::new(Semaphore::new(total)), running: Arc::new(Semaphore::new(concurrency)), concurrency, total }
    }

    /// A place, at once or never.
    pub(crate) fn enter(&self) -> Result<Place, QueueFull> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| QueueFull)?;
        Ok(Place { place: Some(place), running: Arc::clone(&self.running) })
    }

    /// A place for a run that was accepted once, by a process that is gone. It waits for its turn like any other.
    pub(crate) fn by_right(&self) -> Place {
        Place { place: None, running: Arc::clone(&self.running) }
    }

    /// How many run.
    pub(crate) fn running(&self) -> usize {
        self.concurrency - self.running.available_permits().min(self.concurrency)
    }

    /// How many wait.
    pub(crate) fn queued(&self) -> usize {
        (self.total - self.places.available_permits().min(self.total)).saturating_sub(self.running())
    }
}

impl Place {
    /// Waits for its turn.
    pub(crate) async fn turn(self) -> Running {
        let running = self.running.acquire_owned().await.expect("the semaphore is never closed");
        Running { running, _place: self.place }
    }
}

impl Running {
    /// Lets others run while it has nothing to do. It comes back by right: it was accepted once.
    pub(crate) fn rest(self) -> Place {
        Place { place: None, running: Arc::clone(self.running.semaphore()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_queue_has_a_bound_and_every_free_place_is_taken() {
        let admission = Admission::new(1, 1);
        let first = admission.enter().unwrap().turn().await;
        let second = admission.enter().unwrap();
        assert_eq!(admission.enter().unwrap_err(), QueueFull);
        assert_eq!((admission.running(), admission.queued()), (1, 1));
        drop(first);
        let second = second.turn().await;
        assert_eq!((admission.running(), admission.queued()), (1, 0));
        drop(second);
        assert_eq!((admission.running(), admission.queued()), (0, 0));
    }

    #[tokio::test]
    async fn who_gives_up_waiting_frees_the_place() {
        let admission = Admission::new(1, 1);
        let first = admission.enter().unwrap().turn().await;
        let waiting = tokio::time::timeout(std::time::Duration::ZERO, admission.enter().unwrap().turn()).await;
        assert!(waiting.is_err());
        assert!(admission.enter().is_ok());
        drop(first);
    }

    #[tokio::test]
    async fn who_rests_lets_others_run_and_comes_back() {
        let admission = Admission::new(1, 0);
        let resting = admission.enter().unwrap().turn().await.rest();
        let other = admission.enter().unwrap().turn().await;
        let mut back = Box::pin(resting.turn());
        assert!(futures::poll!(&mut back).is_pending());
        drop(other);
        let _back = back.await;
        assert_eq!(admission.running(), 1);
    }

    #[tokio::test]
    async fn no_queue_means_refusal_at_once() {
        let admission = Admission::new(2, 0);
        let _held = (admission.enter().unwrap(), admission.enter().unwrap());
        assert_eq!(admission.enter().unwrap_err(), QueueFull);
    }
}
