//! Whether and when a question is sent again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::error::ModelErrorKind;

/// The longest pause that a provider may ask for; beyond it the caller is told instead.
const LONGEST_ASKED: Duration = Duration::from_secs(30);
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

/// How long to wait after attempt number `attempt` (from 1) failed; nothing when it is not to be tried again.
/// `chance` is from 0 to 1: pauses are spread over their upper half, so that those who failed together do not return together.
pub(crate) fn pause(
    kind: ModelErrorKind,
    retry_after: Option<Duration>,
    attempt: u32,
    max_attempts: u32,
    chance: f64,
) -> Option<Duration> {
    if !kind.is_passing() || attempt >= max_attempts {
        return None;
    }
    let doubled = FIRST.saturating_mul(1 << (attempt - 1).min(16)).min(LONGEST);
    let asked = retry_after.unwrap_or_default();
    (asked <= LONGEST_ASKED).then(|| doubled.mul_f64(0.5 + chance / 2.0).max(asked))
}

/// From 0 to 1, and another one each time. Good enough to spread pauses, and for nothing else.
pub(crate) fn chance() -> f64 {
    f64::from(RandomState::new().hash_one(()) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_ten_seconds_and_are_spread() {
        let pauses = |chance| (1..9).map(move |attempt| pause(ModelErrorKind::Overloaded, None, attempt, 10, chance).unwrap());
        let millis: Vec<_> = pauses(1.0).map(|pause| pause.as_millis()).collect();
        assert_eq!(millis, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert!(pauses(0.0).zip(pauses(1.0)).all(|(least, most)| least * 2 == most));
        assert!((0..100).all(|_| (0.0..=1.0).contains(&chance())));
        assert_ne!((chance(), chance()), (chance(), chance()));
    }

    #[test]
    fn what_the_provider_asks_for_is_done_up_to_half_a_minute() {
        let asked = |seconds| pause(ModelErrorKind::RateLimited, Some(Duration::from_secs(seconds)), 1, 2, 0.5);
        assert_eq!(asked(0), Some(Duration::from_millis(150)));
        assert_eq!(asked(30), Some(Duration::from_secs(30)));
        assert_eq!(asked(31), None);
    }

    #[test]
    fn what_does_not_pass_or_was_tried_often_enough_is_not_tried_again() {
        assert_eq!(pause(ModelErrorKind::Unauthorized, None, 1, 10, 0.5), None);
        assert_eq!(pause(ModelErrorKind::Timeout, None, 3, 3, 0.5), None);
        assert_eq!(pause(ModelErrorKind::Timeout, None, 1, 1, 0.5), None);
    }
}
