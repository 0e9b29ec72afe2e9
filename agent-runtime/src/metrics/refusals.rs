//! What the policies of one agent refused, by rule: for its status.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use skreaver_protocol::policy::Mode;
use skreaver_protocol::rest::RefusalCount;

/// The most rules that are counted apart.
const RULES: usize = 100;

/// What was refused since the process started.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<BTreeMap<Source, u64>>);

/// Who refused: mode, policy and rule.
type Source = (Mode, Option<String>, Option<String>);

impl Refusals {
    pub(crate) fn count(&self, mode: Mode, policy: Option<&str>, rule: Option<&str>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let source = (mode, policy.map(str::to_owned), rule.map(str::to_owned));
        let is_told = counts.contains_key(&source) || counts.len() < RULES;
        *counts.entry(if is_told { source } else { (mode, None, None) }).or_default() += 1;
    }

    pub(crate) fn told(&self) -> Vec<RefusalCount> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = |((mode, policy, rule), calls): (&Source, &u64)| RefusalCount {
            mode: *mode,
            policy: policy.clone(),
            rule: rule.clone(),
            calls: *calls,
        };
        counts.iter().map(told).collect()
    }
}
