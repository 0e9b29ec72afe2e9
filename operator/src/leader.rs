//! Which of several operators acts: the one that holds the Lease. Written here because kube has no leader election.
//!
//! A holder that cannot renew in time stops acting before anybody else may begin: it ends with an error. Everything is
//! measured on one's own clock, from the moment a change was seen, so clocks need not agree.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The name of the Lease.
pub const LEASE: &str = "skreaver-operator";
/// A Lease that has not moved for this long is anybody's.
const DURATION: Duration = Duration::from_secs(12);
/// A holder that could not renew for this long gives up: well before the others may take over.
const DEADLINE: Duration = Duration::from_secs(9);
/// Between two renewals.
const RENEW: Duration = Duration::from_secs(5);
/// Between two tries, and between two looks at somebody else's Lease.
const RETRY: Duration = Duration::from_secs(1);

/// Why leading ended, or never began.
#[derive(Debug, thiserror::Error)]
pub enum LeaderError {
    /// Somebody else took the Lease.
    #[error("the Lease `{LEASE}` was taken by `{0}`")]
    Taken(String),
    /// It could not be renewed in time.
    #[error("the Lease `{LEASE}` could not be renewed for {} s", DEADLINE.as_secs())]
    Lapsed,
}

/// A wish to lead.
pub struct Candidate {
    leases: Api<Lease>,
    name: String,
}

/// What to do about a Lease.
#[derive(Debug, Clone, PartialEq)]
enum Decision {
    /// Make it, held by us.
    Create,
    /// Put ours in its place.
    Take,
    /// It is somebody else's.
    Wait,
}

/// When a Lease was last seen to move.
#[derive(Default)]
struct LastSeen(Option<(Option<LeaseSpec>, Instant)>);

impl Candidate {
    /// `name` tells this process from all others.
    pub fn new(leases: Api<Lease>, name: String) -> Self {
        Self { leases, name }
    }

    /// Waits for the Lease and takes it. `false` if told to stop before.
    pub async fn acquire(&self, stop: &CancellationToken) -> bool {
        let mut seen = LastSeen::default();
        loop {
            match timeout(DEADLINE, self.try_acquire(&mut seen)).await {
                Ok(Ok(true)) => return true,
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "failed to take the lease"),
                Err(_) => tracing::warn!("the API server does not answer about the lease"),
            }
            tokio::select! {
                () = sleep(RETRY) => {}
                () = stop.cancelled() => return false,
            }
        }
    }

    async fn try_acquire(&self, seen: &mut LastSeen) -> Result<bool, kube::Error> {
        let found = self.leases.get_opt(LEASE).await?;
        let still = seen.look(found.as_ref(), Instant::now());
        let written = match decide(found.as_ref(), still, &self.name) {
            Decision::Wait => return Ok(false),
            Decision::Create => self.leases.create(&PostParams::default(), &self.held(None)).await,
            Decision::Take => self.leases.replace(LEASE, &PostParams::default(), &self.held(found)).await,
        };
        match written {
            Ok(_) => Ok(true),
            // Somebody was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Renews until told to stop, then gives the Lease up so that the next one need not wait.
    ///
    /// # Errors
    /// When the Lease is lost. Whoever called must then end the process.
    pub async fn hold(&self, stop: &CancellationToken) -> Result<(), LeaderError> {
        let mut renewed = Instant::now();
        let mut pause = RENEW;
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.cancelled() => return Ok(()),
            }
            let asked = Instant::now();
            let left = DEADLINE.saturating_sub(renewed.elapsed());
            pause = match timeout(left, self.renew()).await {
                Ok(Ok(None)) => {
                    renewed = asked;
                    RENEW
                }
                Ok(Ok(Some(other))) => return Err(LeaderError::Taken(other)),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "failed to renew the lease");
                    RETRY
                }
                Err(_) => return Err(LeaderError::Lapsed),
            };
            if renewed.elapsed() >= DEADLINE {
                return Err(LeaderError::Lapsed);
            }
        }
    }

    /// Tells who else holds the Lease, if it is no longer ours.
    async fn renew(&self) -> Result<Option<String>, kube::Error> {
        let found = self.leases.get_opt(LEASE).await?;
        let other = found.as_ref().and_then(holder).filter(|holder| *holder != self.name).map(str::to_owned);
        if other.is_some() {
            return Ok(other);
        }
        match found {
            Some(lease) => self.leases.replace(LEASE, &PostParams::default(), &self.held(Some(lease))).await?,
            None => self.leases.create(&PostParams::default(), &self.held(None)).await?,
        };
        Ok(None)
    }

    /// Gives the Lease up, if it is ours.
    pub async fn release(&self) {
        let freed = async {
            let Some(mut lease) = self.leases.get_opt(LEASE).await? else { return Ok(()) };
            if holder(&lease) == Some(&self.name) {
                lease.spec.get_or_insert_default().holder_identity = None;
                self.leases.replace(LEASE, &PostParams::default(), &lease).await?;
            }
            Ok::<_, kube::Error>(())
        };
        match timeout(RENEW, freed).await {
            Ok(Ok(())) => tracing::info!("lease released"),
            Ok(Err(error)) => tracing::warn!(%error, "failed to release the lease"),
            Err(_) => tracing::warn!("failed to release the lease in time"),
        }
    }

    /// The Lease, held by us. It keeps its resource version, so that of two who try only one succeeds.
    fn held(&self, before: Option<Lease>) -> Lease {
        let now = MicroTime(Timestamp::now());
        let mut lease = before
            .unwrap_or_else(|| Lease { metadata: ObjectMeta { name: Some(LEASE.into()), ..ObjectMeta::default() }, spec: None });
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_ref() != Some(&self.name) {
            spec.acquire_time = Some(now.clone());
            spec.lease_transitions = Some(spec.lease_transitions.map_or(0, |count| count.saturating_add(1)));
        }
        spec.holder_identity = Some(self.name.clone());
        spec.lease_duration_seconds = i32::try_from(DURATION.as_secs()).ok();
        spec.renew_time = Some(now);
        lease
    }
}

impl LastSeen {
    /// For how long the Lease has stood still.
    fn look(&mut self, lease: Option<&Lease>, now: Instant) -> Duration {
        let spec = lease.and_then(|lease| lease.spec.clone());
        match &self.0 {
            Some((last, since)) if *last == spec => now.saturating_duration_since(*since),
            _ => {
                self.0 = Some((spec, now));
                Duration::ZERO
            }
        }
    }
}

fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

fn decide(lease: Option<&Lease>, still: Duration, me: &str) -> Decision {
    let Some(lease) = lease else { return Decision::Create };
    let duration = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds).and_then(|s| u64::try_from(s).ok());
    match holder(lease) {
        None => Decision::Take,
        // A process of our name that died: names are given once, so nobody else has it.
        Some(holder) if holder == me => Decision::Take,
        Some(_) if still >= duration.map_or(DURATION, Duration::from_secs) => Decision::Take,
        Some(_) => Decision::Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: Option<&str>, seconds: i32) -> Lease {
        let spec =
            LeaseSpec { holder_identity: holder.map(Into::into), lease_duration_seconds: Some(seconds), ..LeaseSpec::default() };
        Lease { spec: Some(spec), ..Lease::default() }
    }

    fn check(lease: Option<&Lease>, still: u64, expected: &Decision) {
        assert_eq!(decide(lease, Duration::from_secs(still), "me"), *expected, "{lease:?} {still}");
    }

    #[test]
    fn a_lease_is_taken_when_it_is_free_ours_or_has_not_moved() {
        check(None, 0, &Decision::Create);
        check(Some(&lease(None, 12)), 0, &Decision::Take);
        check(Some(&lease(Some(""), 12)), 0, &Decision::Take);
        check(Some(&lease(Some("me"), 12)), 0, &Decision::Take);
        check(Some(&lease(Some("other"), 12)), 11, &Decision::Wait);
        check(Some(&lease(Some("other"), 12)), 12, &Decision::Take);
        check(Some(&lease(Some("other"), 40)), 39, &Decision::Wait);
    }

    #[test]
    fn standing_still_counts_from_the_last_move_that_was_seen() {
        let (mut seen, start) = (LastSeen::default(), Instant::now());
        let later = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(seen.look(Some(&lease(Some("a"), 12)), start), Duration::ZERO);
        assert_eq!(seen.look(Some(&lease(Some("a"), 12)), later(7)), Duration::from_secs(7));
        assert_eq!(seen.look(Some(&lease(Some("b"), 12)), later(8)), Duration::ZERO);
    }

    #[test]
    fn a_holder_gives_up_before_another_may_begin() {
        const { assert!(RENEW.as_secs() < DEADLINE.as_secs() && DEADLINE.as_secs() < DURATION.as_secs()) };
    }
}
