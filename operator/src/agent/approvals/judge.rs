//! What becomes of a ToolApproval. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use skreaver_crds::{ToolApproval, ToolApprovalStatus};
use skreaver_protocol::approval::{ApprovalState, tally};

/// How long ToolApprovals last for which nobody waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How long an ended one stays, for people to look at.
    pub kept: Duration,
    /// How long no pod may ask for one before it counts as withdrawn: a run that another pod takes up asks again sooner.
    pub unasked: Duration,
}

/// Whether a pod asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// One does.
    Yes,
    /// None of those that are connected does, for so long.
    No(Duration),
    /// None is connected.
    Unknown,
}

/// What is to be done with one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fate {
    /// It stands as it should; when to look again, if time alone changes that.
    Stands(Option<Duration>),
    /// Its status becomes this.
    Becomes(ToolApprovalStatus),
    /// It goes.
    Goes,
}

pub(super) fn judge(approval: &ToolApproval, asked: Asked, terms: Terms, now: Timestamp) -> Fate {
    let status = approval.status.clone().unwrap_or_default();
    if let Some(ended) = status.ended_at.as_ref().filter(|_| is_final(status.state)) {
        // A time that nobody can read was long ago.
        let ended = ended.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        return match left(ended, terms.kept, now) {
            Some(left) => Fate::Stands(Some(left)),
            None => Fate::Goes,
        };
    }
    let expires = approval.spec.expires_at.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let open = left(expires, Duration::ZERO, now);
    // Decisions tell no time: what is found behind the expiry may have been decided behind it.
    let state = match (tally(approval.spec.quorum, &status.decisions), open, asked) {
        (_, None, _) => ApprovalState::Expired,
        (state @ (ApprovalState::Approved | ApprovalState::Denied), _, _) => state,
        (_, _, Asked::No(since)) if since >= terms.unasked => ApprovalState::Withdrawn,
        _ => ApprovalState::Waiting,
    };
    if Some(state) == status.state {
        let withdrawn = match asked {
            Asked::No(since) => Some(terms.unasked.saturating_sub(since)),
            Asked::Yes | Asked::Unknown => None,
        };
        return Fate::Stands([open, withdrawn].into_iter().flatten().min());
    }
    let ended_at = is_final(Some(state)).then(|| now.to_string());
    Fate::Becomes(ToolApprovalStatus { state: Some(state), ended_at, ..status })
}

/// Whether what was said of it still counts.
pub(super) fn counts(approval: &ToolApproval, now: Timestamp) -> bool {
    match approval.status.as_ref().and_then(|status| status.state) {
        Some(ApprovalState::Approved | ApprovalState::Denied) => true,
        Some(ApprovalState::Expired | ApprovalState::Withdrawn) => false,
        Some(ApprovalState::Waiting) | None => approval.spec.expires_at.parse().is_ok_and(|expires: Timestamp| now < expires),
    }
}

/// Whether it still waits for people.
pub(super) fn waits(approval: &ToolApproval) -> bool {
    !is_final(approval.status.as_ref().and_then(|status| status.state))
}

fn is_final(state: Option<ApprovalState>) -> bool {
    match state {
        Some(ApprovalState::Approved | ApprovalState::Denied | ApprovalState::Expired | ApprovalState::Withdrawn) => true,
        Some(ApprovalState::Waiting) | None => false,
    }
}

/// How long until so long after a moment; nothing where that is over.
fn left(moment: Timestamp, after: Duration, now: Timestamp) -> Option<Duration> {
    let end = moment.saturating_add(SignedDuration::try_from(after).ok()?).ok()?;
    Duration::try_from(end.duration_since(now)).ok().filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use skreaver_crds::ToolApprovalSpec;
    use skreaver_protocol::approval::{Choice, Vote};

    use super::*;

    const START: i64 = 1_800_000_000;
    const TERMS: Terms = Terms { kept: Duration::from_secs(3600), unasked: Duration::from_secs(60) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(START + seconds).unwrap()
    }

    /// Expires after a hundred seconds, and needs two people.
    fn approval(votes: &[(&str, Choice)], state: Option<ApprovalState>, ended: Option<i64>) -> ToolApproval {
        let spec = ToolApprovalSpec {
            agent: "amber".into(),
            run: "r".into(),
            step: 0,
            session: None,
            tool: "pay".into(),
            digest: "d".into(),
            preview: "{}".into(),
            asked_by: Vec::new(),
            quorum: 2,
            expires_at: at(100).to_string(),
        };
        let decisions = votes.iter().map(|(user, decision)| Vote { user: (*user).into(), decision: *decision, reason: None });
        let status =
            ToolApprovalStatus { decisions: decisions.collect(), state, ended_at: ended.map(|seconds| at(seconds).to_string()) };
        ToolApproval { status: Some(status), ..ToolApproval::new("amber-1", spec) }
    }

    fn becomes(approval: &ToolApproval, asked: Asked, now: i64) -> Option<(ApprovalState, bool)> {
        match judge(approval, asked, TERMS, at(now)) {
            Fate::Becomes(status) => Some((status.state.unwrap(), status.ended_at == Some(at(now).to_string()))),
            Fate::Stands(_) | Fate::Goes => None,
        }
    }

    #[test]
    fn what_people_say_decides_then_time_then_that_nobody_asks() {
        use ApprovalState::{Approved, Denied, Expired, Waiting, Withdrawn};
        use Choice::{Approve, Deny};
        let one = [("ann", Approve)];
        let two = [("ann", Approve), ("bob", Approve)];
        assert_eq!(becomes(&approval(&[], None, None), Asked::Yes, 0), Some((Waiting, false)));
        assert_eq!(becomes(&approval(&one, Some(Waiting), None), Asked::Yes, 5), None);
        assert_eq!(becomes(&approval(&two, Some(Waiting), None), Asked::Unknown, 5), Some((Approved, true)));
        assert_eq!(
            becomes(&approval(&[("ann", Approve), ("eve", Deny)], Some(Waiting), None), Asked::Yes, 5),
            Some((Denied, true))
        );
        assert_eq!(becomes(&approval(&one, Some(Waiting), None), Asked::Yes, 100), Some((Expired, true)));
        assert_eq!(becomes(&approval(&two, Some(Waiting), None), Asked::Yes, 101), Some((Expired, true)), "decided too late");
        assert!(counts(&approval(&two, Some(Waiting), None), at(99)) && !counts(&approval(&two, Some(Waiting), None), at(100)));
        assert!(
            counts(&approval(&two, Some(Approved), Some(9)), at(200)) && !counts(&approval(&two, Some(Expired), Some(9)), at(9))
        );
        assert_eq!(becomes(&approval(&one, Some(Waiting), None), Asked::No(TERMS.unasked), 5), Some((Withdrawn, true)));
        assert_eq!(becomes(&approval(&one, Some(Waiting), None), Asked::No(Duration::from_secs(59)), 5), None);
    }

    #[test]
    fn what_has_ended_stays_as_it_is_and_goes_after_its_time() {
        let ended = approval(&[("ann", Choice::Deny)], Some(ApprovalState::Expired), Some(100));
        assert_eq!(judge(&ended, Asked::Yes, TERMS, at(100)), Fate::Stands(Some(TERMS.kept)));
        assert_eq!(judge(&ended, Asked::Yes, TERMS, at(100 + 3599)), Fate::Stands(Some(Duration::from_secs(1))));
        assert_eq!(judge(&ended, Asked::Yes, TERMS, at(100 + 3600)), Fate::Goes);
    }

    #[test]
    fn who_stands_is_looked_at_again_when_time_changes_that() {
        let waiting = approval(&[], Some(ApprovalState::Waiting), None);
        assert_eq!(judge(&waiting, Asked::Yes, TERMS, at(30)), Fate::Stands(Some(Duration::from_secs(70))));
        let unasked = Asked::No(Duration::from_secs(10));
        assert_eq!(judge(&waiting, unasked, TERMS, at(30)), Fate::Stands(Some(Duration::from_secs(50))));
    }
}
