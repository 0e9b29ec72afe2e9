//! Where calls of one agent wait for people, and where what people say arrives: from the operator, or over the API on a laptop.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use skreaver_protocol::approval::{ApprovalRequest, ApprovalState, ApprovalVotes, Choice, MOST_WAITING, Vote, tally};
use skreaver_protocol::problem::Code;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::coordinator::Failure;
use crate::runs::now_ms;

/// The calls of one agent that wait in this process.
#[derive(Default)]
pub struct Approvals {
    desk: Mutex<Desk>,
    /// Woken on every change of the desk.
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Desk {
    waiting: BTreeMap<String, ApprovalRequest>,
    /// What was said, by call. It may be there before the call waits here: the run was taken over from another process.
    said: BTreeMap<String, ApprovalVotes>,
}

/// Why somebody's word does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VoteError {
    /// No such call waits.
    #[error("no call of this name waits for approval, or no longer")]
    Unknown,
    /// This person has decided already.
    #[error("this person has decided about the call already")]
    Twice,
}

impl Approvals {
    /// Waits until people have decided about a call, or nobody has in time.
    ///
    /// # Errors
    /// Why it may not happen.
    pub(crate) async fn wait(&self, request: &ApprovalRequest) -> Result<ApprovalVotes, Failure> {
        let mut changes = self.changed.subscribe();
        let _here = self.enter(request)?;
        let left = Duration::from_millis(request.expires_at_ms.saturating_sub(now_ms()));
        let expiry = Instant::now() + left;
        loop {
            changes.mark_unchanged();
            if let Some(said) = self.said_of(request) {
                match tally(request.quorum, &said.votes) {
                    ApprovalState::Approved => return Ok(said),
                    ApprovalState::Denied => return Err(denied(request, &said)),
                    ApprovalState::Waiting | ApprovalState::Expired | ApprovalState::Withdrawn => {}
                }
            }
            tokio::select! {
                changed = changes.changed() => changed.expect("the sender is ours"),
                () = tokio::time::sleep_until(expiry) => return Err(expired(request)),
            }
        }
    }

    fn enter(&self, request: &ApprovalRequest) -> Result<Here<'_>, Failure> {
        let mut desk = self.lock();
        if desk.waiting.len() >= MOST_WAITING {
            let detail = format!(
                "tool `{}` needs approval, and {MOST_WAITING} calls of the agent wait for it already; try again once people have decided",
                request.tool
            );
            return Err(refused(request, detail));
        }
        desk.waiting.insert(request.name.clone(), request.clone());
        drop(desk);
        self.changed.send_replace(());
        Ok(Here { approvals: self, name: request.name.clone() })
    }

    /// What was said of exactly this call.
    fn said_of(&self, request: &ApprovalRequest) -> Option<ApprovalVotes> {
        self.lock().said.get(&request.name).filter(|said| said.digest == request.digest).cloned()
    }

    /// The calls that wait, by name, with what was said so far.
    pub fn waiting(&self) -> Vec<(ApprovalRequest, Vec<Vote>)> {
        let desk = self.lock();
        let said = |name: &str| desk.said.get(name).map(|said| said.votes.clone()).unwrap_or_default();
        desk.waiting.values().map(|request| (request.clone(), said(&request.name))).collect()
    }

    /// Woken whenever that changes.
    #[cfg(feature = "control")]
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Takes one person's word about a call that waits here.
    ///
    /// # Errors
    /// [`VoteError`].
    pub fn vote(&self, name: &str, vote: Vote) -> Result<ApprovalState, VoteError> {
        let mut desk = self.lock();
        let Desk { waiting, said } = &mut *desk;
        let request = waiting.get(name).ok_or(VoteError::Unknown)?;
        let fresh = || ApprovalVotes { name: name.to_owned(), digest: request.digest.clone(), votes: Vec::new() };
        let said = said.entry(name.to_owned()).or_insert_with(fresh);
        if said.votes.iter().any(|earlier| earlier.user == vote.user) {
            return Err(VoteError::Twice);
        }
        said.votes.push(vote);
        let state = tally(request.quorum, &said.votes);
        drop(desk);
        self.changed.send_replace(());
        Ok(state)
    }

    /// Takes all that was said about the calls of the agent, wherever they wait.
    #[cfg(any(feature = "control", test))]
    pub(crate) fn told(&self, votes: Vec<ApprovalVotes>) {
        self.lock().said = votes.into_iter().map(|said| (said.name.clone(), said)).collect();
        self.changed.send_replace(());
    }

    fn leave(&self, name: &str) {
        let mut desk = self.lock();
        desk.waiting.remove(name);
        desk.said.remove(name);
        drop(desk);
        self.changed.send_replace(());
    }

    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that waits. Dropped, it does not any more.
struct Here<'a> {
    approvals: &'a Approvals,
    name: String,
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.approvals.leave(&self.name);
    }
}

fn denied(request: &ApprovalRequest, said: &ApprovalVotes) -> Failure {
    let against = said.votes.iter().find(|vote| vote.decision == Choice::Deny);
    let who = against.map_or("somebody", |vote| vote.user.as_str());
    let why = against.and_then(|vote| vote.reason.as_deref()).map(|why| format!(": {why}")).unwrap_or_default();
    refused(request, format!("tool `{}` is denied: it needs approval, and `{who}` denied it{why}", request.tool))
}

fn expired(request: &ApprovalRequest) -> Failure {
    let waited = Duration::from_millis(request.expires_at_ms.saturating_sub(request.asked_at_ms));
    let people = if request.quorum == 1 { "nobody has".to_owned() } else { format!("not {} people have", request.quorum) };
    refused(
        request,
        format!("tool `{}` is denied: it needs approval, and {people} approved it within {}s", request.tool, waited.as_secs()),
    )
}

fn refused(request: &ApprovalRequest, detail: String) -> Failure {
    let asking = request.asked_by.first();
    Failure {
        policy: asking.map(|by| by.policy.clone()),
        rule: asking.and_then(|by| by.rule.clone()),
        ..Failure::new(Code::NotApproved, detail)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use skreaver_protocol::approval::AskedBy;
    use skreaver_protocol::{AgentName, ToolName};

    use super::*;

    fn request(step: u32, quorum: u32, seconds: u64) -> ApprovalRequest {
        ApprovalRequest {
            name: format!("amber-{step}"),
            agent: AgentName::parse("amber").unwrap(),
            run: "run".into(),
            step,
            session: None,
            tool: ToolName::parse("pay").unwrap(),
            digest: format!("digest of {step}"),
            preview: json!({}),
            asked_by: vec![AskedBy { policy: "p".into(), rule: Some("r".into()) }],
            quorum,
            asked_at_ms: now_ms(),
            expires_at_ms: now_ms() + seconds * 1000,
        }
    }

    fn vote(user: &str, decision: Choice) -> Vote {
        Vote { user: user.into(), decision, reason: Some("because".into()) }
    }

    fn begin(approvals: &Arc<Approvals>, request: ApprovalRequest) -> tokio::task::JoinHandle<Result<ApprovalVotes, Failure>> {
        let approvals = Arc::clone(approvals);
        tokio::spawn(async move { approvals.wait(&request).await })
    }

    async fn until_waiting(approvals: &Approvals, count: usize) {
        while approvals.waiting().len() < count {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_quorum_approves_and_one_who_denies_ends_it() {
        let approvals = Arc::new(Approvals::default());
        let (two, one) = (begin(&approvals, request(0, 2, 60)), begin(&approvals, request(1, 1, 60)));
        until_waiting(&approvals, 2).await;
        assert_eq!(approvals.vote("amber-0", vote("ann", Choice::Approve)), Ok(ApprovalState::Waiting));
        assert_eq!(approvals.vote("amber-0", vote("ann", Choice::Approve)), Err(VoteError::Twice));
        assert_eq!(approvals.vote("amber-9", vote("ann", Choice::Approve)), Err(VoteError::Unknown));
        assert_eq!(approvals.vote("amber-0", vote("bob", Choice::Approve)), Ok(ApprovalState::Approved));
        assert_eq!(two.await.unwrap().unwrap().votes.len(), 2);
        assert_eq!(approvals.vote("amber-1", vote("eve", Choice::Deny)), Ok(ApprovalState::Denied));
        let failure = one.await.unwrap().unwrap_err();
        assert_eq!((failure.code, failure.rule.as_deref()), (Code::NotApproved, Some("r")));
        assert!(failure.detail.contains("`eve` denied it: because"), "{failure}");
        assert!(approvals.waiting().is_empty());
    }

    #[tokio::test]
    async fn what_is_said_of_another_call_does_not_count_and_time_runs_out() {
        let approvals = Arc::new(Approvals::default());
        let waits = begin(&approvals, request(0, 1, 1));
        until_waiting(&approvals, 1).await;
        let of_another =
            ApprovalVotes { name: "amber-0".into(), digest: "of another".into(), votes: vec![vote("ann", Choice::Approve)] };
        approvals.told(vec![of_another]);
        let failure = waits.await.unwrap().unwrap_err();
        assert!(failure.detail.contains("nobody has approved it within 1s"), "{failure}");
    }

    #[tokio::test]
    async fn what_was_said_before_it_waits_here_counts() {
        let approvals = Approvals::default();
        let request = request(0, 1, 60);
        let votes = vec![vote("ann", Choice::Approve)];
        approvals.told(vec![ApprovalVotes { name: request.name.clone(), digest: request.digest.clone(), votes }]);
        assert!(approvals.wait(&request).await.is_ok());
    }

    #[tokio::test]
    async fn who_waits_is_counted_and_who_gives_up_is_not() {
        let approvals = Arc::new(Approvals::default());
        let waiting: Vec<_> = (0..20).map(|step| begin(&approvals, request(step, 1, 60))).collect();
        until_waiting(&approvals, MOST_WAITING).await;
        let failure = approvals.wait(&request(20, 1, 60)).await.unwrap_err();
        assert!(failure.detail.contains("20 calls of the agent wait"), "{failure}");
        for waits in waiting {
            waits.abort();
            assert!(waits.await.unwrap_err().is_cancelled());
        }
        assert!(approvals.waiting().is_empty());
    }
}
