//! What became of the runs of a case: what was lost, doubled, asked again, or is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use skreaver_tests::mortal::{Deed, PAY, STAMP};

use super::callers::Told;
use super::home::Promise;
use super::left::Left;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It was acknowledged, and is not there.
    Lost,
    /// It was done twice, and may be done once.
    Doubled,
    /// The model had answered it, and the answer was written.
    AskedAgain,
    /// Anything else that is not as it should be.
    Wrong,
}

/// What became of a case.
#[derive(Debug)]
pub(crate) struct Report {
    pub(super) kills: usize,
    /// From the last birth to the last answer.
    pub(super) resumed: Duration,
    pub(super) faults: Vec<(Fault, String)>,
}

impl Report {
    pub(super) fn new(kills: usize, resumed: Duration, mut faults: Vec<(Fault, String)>) -> Self {
        if kills == 0 {
            faults.push((Fault::Wrong, "its point was not passed".into()));
        }
        Self { kills, resumed, faults }
    }

    pub(super) fn stuck(case: &str) -> Self {
        let fault = (Fault::Lost, "some callers wait in vain".into());
        Self { kills: 1, resumed: Duration::ZERO, faults: vec![fault] }.of(case)
    }

    /// The same, with its case before each fault.
    pub(super) fn of(mut self, case: &str) -> Self {
        for (fault, told) in &mut self.faults {
            *told = format!("{case}: {fault:?}: {told}");
        }
        self
    }
}

/// All that is known of a case when it is over.
pub(super) struct Found<'a> {
    pub(super) promise: Promise,
    pub(super) told: &'a [Told],
    pub(super) deeds: &'a [Deed],
    /// What each death left.
    pub(super) lefts: &'a [Left],
    /// Runs as the agent lists them at the end.
    pub(super) runs: Vec<Value>,
    /// Messages of the session as the agent shows them at the end.
    pub(super) session: Vec<Value>,
    /// What is left when it was killed once more, after the last answer.
    pub(super) last: Left,
}

/// All faults of a case.
pub(super) fn judge(found: &Found<'_>) -> Vec<(Fault, String)> {
    let mut faults = Vec::new();
    found.answers(&mut faults);
    if found.promise != Promise::Nothing {
        found.lists(&mut faults);
        found.effects(&mut faults);
        found.questions(&mut faults);
        found.session(&mut faults);
    }
    faults
}

type Faults = Vec<(Fault, String)>;

impl Found<'_> {
    /// Every caller has the right answer, and it is still there after one more death.
    fn answers(&self, faults: &mut Faults) {
        for Told { label, run, output, in_session: _ } in self.told {
            let output = match output {
                Ok(output) => output,
                Err(problem) => {
                    faults.push((Fault::Lost, format!("{label} has no answer: {problem}")));
                    continue;
                }
            };
            let (paid, perhaps) =
                (format!("{label} has 2 stamps and is paid"), format!("{label} has 2 stamps and is perhaps paid"));
            if *output != paid && *output != perhaps {
                faults.push((Fault::Wrong, format!("{label} was told `{output}`")));
            }
            // The word that a payment begins may be on its way to a server when its process dies, and come after that was read.
            let is_settled = |left: &Left| left.runs.get(run).is_some_and(|run| run.is_settled);
            if *output == perhaps && self.lefts.iter().all(is_settled) && self.promise != Promise::Nothing {
                faults.push((Fault::Wrong, format!("{label} is in doubt for no reason")));
            }
            let kept = self.last.runs.get(run).and_then(|run| run.output.as_ref());
            if kept != Some(output) && self.promise != Promise::Nothing {
                faults.push((Fault::Lost, format!("{label} was told `{output}`, and `{kept:?}` is kept")));
            }
        }
        if !self.last.open.is_empty() && self.promise != Promise::Nothing {
            faults.push((Fault::Lost, format!("these are over and marked as open: {:?}", self.last.open)));
        }
    }

    /// The agent lists exactly what was told.
    fn lists(&self, faults: &mut Faults) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let listed: BTreeMap<_, _> = self.runs.iter().map(|run| (text(&run["run"]), text(&run["output"]))).collect();
        for Told { label, run, output, in_session: _ } in self.told {
            if listed.get(run).map(String::as_str) != output.as_deref().ok() {
                faults.push((Fault::Lost, format!("the run of {label} is not listed with its answer")));
            }
        }
        if self.runs.len() > self.told.len() {
            faults.push((Fault::Doubled, format!("{} runs are listed for {} callers", self.runs.len(), self.told.len())));
        }
    }

    /// What cannot be done twice was done once, or not at all where the model was told so; the rest under one id.
    fn effects(&self, faults: &mut Faults) {
        for Told { label, run, output, in_session: _ } in self.told {
            let ids = |wanted: &str| -> Vec<&str> {
                let effects = self.deeds.iter().filter_map(|deed| match deed {
                    Deed::Effect { tool, label: of, id } if tool == wanted && of == label => Some(id.as_str()),
                    Deed::Effect { .. } | Deed::Asked { .. } => None,
                });
                effects.collect()
            };
            let payments = ids(PAY);
            if payments.len() > 1 {
                faults.push((Fault::Doubled, format!("{label} was paid more than once: {payments:?}")));
            }
            if payments.is_empty() && output.as_ref().is_ok_and(|output| output.ends_with("is paid")) {
                faults.push((Fault::Lost, format!("{label} is told to be paid, and is not")));
            }
            // A run that was never acknowledged may go with the machine, and the next one with its key has other ids.
            let is_known = |id: &&str| {
                let of = id.split('/').next().unwrap_or_default();
                self.promise == Promise::AllWritten || of == run || self.lefts.iter().any(|left| left.runs.contains_key(of))
            };
            let stamps: BTreeSet<_> = ids(STAMP).into_iter().filter(is_known).collect();
            let (first, second) = (format!("{run}/0"), format!("{run}/1"));
            if stamps != BTreeSet::from([first.as_str(), second.as_str()]) {
                faults.push((Fault::Doubled, format!("{label} was stamped as {stamps:?}")));
            }
        }
    }

    /// What the dead left answered was not asked any more; nor what was answered and used, whatever they left.
    fn questions(&self, faults: &mut Faults) {
        for left in self.lefts {
            for (run, of_run) in &left.runs {
                let again = self.deeds[left.deeds..].iter().find(|deed| match deed {
                    Deed::Asked { label, turn } => *label == of_run.label && *turn < of_run.answers,
                    Deed::Effect { .. } => false,
                });
                if let Some(again) = again {
                    faults.push((Fault::AskedAgain, format!("run {run} had {} answers: {again:?}", of_run.answers)));
                }
            }
        }
        if self.promise != Promise::AllWritten {
            return;
        }
        let mut used: BTreeMap<&str, usize> = BTreeMap::new();
        for deed in self.deeds {
            let Deed::Asked { label, turn } = deed else { continue };
            let last = used.entry(label).or_insert(*turn);
            if turn < last {
                faults.push((Fault::AskedAgain, format!("{label} was asked for answer {turn} after answer {last}")));
            }
            *last = (*last).max(*turn);
        }
    }

    /// The session has each message of its runs once, and one run after the other.
    fn session(&self, faults: &mut Faults) {
        const ROLES: [&str; 7] = ["user", "assistant", "tool", "assistant", "tool", "tool", "assistant"];
        let mut awaited: BTreeMap<&str, &str> = BTreeMap::new();
        for Told { label, output, in_session, run: _ } in self.told {
            if let (true, Ok(output)) = (in_session, output) {
                awaited.insert(label, output);
            }
        }
        for run in self.session.chunks(ROLES.len()) {
            let roles: Vec<_> = run.iter().map(|message| message["role"].as_str().unwrap_or_default()).collect();
            let text =
                |message: Option<&Value>| message.and_then(|message| message["text"].as_str()).unwrap_or_default().to_owned();
            let (label, answer) = (text(run.first()), text(run.last()));
            if roles != ROLES || awaited.remove(label.as_str()) != Some(answer.as_str()) {
                faults.push((Fault::Wrong, format!("the session has {roles:?} from `{label}` to `{answer}`")));
            }
        }
        if !awaited.is_empty() {
            faults.push((Fault::Lost, format!("the session knows nothing of {awaited:?}")));
        }
    }
}
