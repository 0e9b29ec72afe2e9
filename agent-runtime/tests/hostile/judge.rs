//! Whether each case ended as it has to, and how soon.

use std::collections::BTreeMap;
use std::time::Duration;

use skreaver::tools::CallError;
use skreaver::tools::worker::Limits;

use crate::case::{Case, Ending};

/// How late a stop by time may come. Half of them have to come within the promise; the latest may be as late as a busy machine
/// with few cores makes it, where a test build shares it with others.
const PROMISED: Duration = Duration::from_millis(100);
const ALLOWANCE: Duration = Duration::from_millis(900);

/// What became of a case.
pub(crate) struct Ended {
    pub(crate) case: Case,
    pub(crate) limits: Limits,
    pub(crate) outcome: Result<(), CallError>,
    pub(crate) took: Duration,
}

pub(crate) fn judge(all: &[Ended]) {
    let (mut late, mut others, mut kinds, mut wrong) = (Vec::new(), Vec::new(), BTreeMap::new(), Vec::new());
    for ended in all {
        let Ended { case, limits, outcome, took } = ended;
        *kinds.entry(case.ending.kind()).or_insert(0) += 1;
        let ending = case.ending.kind();
        // When another limit than that of time was reached is not seen from here.
        if case.ending == Ending::Time {
            let behind = took.saturating_sub(limits.time);
            late.push(behind);
            println!("    {:<28} {ending:<8} {:>5} ms after the limit", case.name, behind.as_millis());
        } else {
            others.push(*took);
            println!("    {:<28} {ending:<8} {:>5} ms after the call", case.name, took.as_millis());
        }
        if !case.ending.is(outcome) {
            wrong.push(format!("{} ended by {outcome:?} and not by {:?}", case.name, case.ending));
        }
        let most = limits.time + if case.ending == Ending::Time { ALLOWANCE } else { PROMISED };
        if *took >= most {
            wrong.push(format!("{} took {took:?}", case.name));
        }
    }
    let ((median, max), (soon, last)) = (median_and_max(late), median_and_max(others));
    println!("    {} cases, and how they ended: {kinds:?}", all.len());
    println!("    those by time were stopped {median:?} after the limit (median), {max:?} at most");
    println!("    the others ended {soon:?} after the call (median), {last:?} at most");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(median < PROMISED, "half were stopped later than {median:?} after the limit");
}

fn median_and_max(mut all: Vec<Duration>) -> (Duration, Duration) {
    all.sort_unstable();
    (all[all.len() / 2], all[all.len() - 1])
}
