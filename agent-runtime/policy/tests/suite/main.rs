//! The compiled policies beside a slow, obvious evaluator of the same rules, and what must hold whatever the rules say.
//!
//! `SKREAVER_SOAK=1` judges more than a million calls; the default is one in a hundred.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod any;
mod reference;

use std::time::Duration;

use proptest::prelude::*;
use skreaver_policy::{Approved, Denial, Ledger, Policy, Settled, Verdict};
use skreaver_protocol::policy::{Action, PolicyBundle};

use crate::any::{AnyCall, bundle, calls, policy, rule};
use crate::reference::{Memory, Needs, Outcome};

fn is_soak() -> bool {
    std::env::var_os("SKREAVER_SOAK").is_some()
}

fn bundles() -> u32 {
    if is_soak() { 4_040 } else { 101 }
}

/// Calls that each bundle decides over.
fn calls_of_each() -> usize {
    if is_soak() { 250 } else { 100 }
}

fn outcome(settled: Settled) -> Outcome {
    let named = |denial: &Denial| (denial.policy().map(str::to_owned), denial.rule().map(str::to_owned));
    Outcome {
        refused: settled.verdict.as_ref().err().map(named),
        audited: settled.audited.iter().map(named).collect(),
        needs: settled.verdict.as_ref().err().and_then(Denial::needs).map(|needs| Needs {
            quorum: needs.quorum,
            timeout: needs.timeout,
            asked_by: needs.asked_by.iter().map(|by| (by.policy.clone(), by.rule.clone())).collect(),
        }),
        most_bytes: settled.verdict.ok().and_then(|permit| permit.terms().result_limit().map(|limit| limit.most)),
    }
}

fn verdict(policy: &Policy, call: &AnyCall) -> Verdict {
    call.with(|call| policy.authorize(call).verdict())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: bundles(), ..ProptestConfig::default() })]

    #[test]
    fn every_call_is_decided_as_the_obvious_evaluator_does(bundle in bundle(), calls in calls(calls_of_each()), prepared: bool) {
        let mut compiled = Policy::compile(&bundle).unwrap();
        if prepared {
            compiled = compiled.prepared(calls.iter().map(|call| &call.tool));
        }
        let (ledger, mut memory, mut now) = (Ledger::default(), Memory::default(), Duration::ZERO);
        for call in &calls {
            now += call.after;
            let settled = call.with(|call| compiled.authorize(call).settle(&ledger, now));
            let votes = settled.verdict.as_ref().err().and_then(Denial::needs).map(|needs| call.votes(&needs.digest));
            prop_assert_eq!(outcome(settled), reference::decide(&bundle, call, 0, &mut memory, now), "{:?}", call);
            let Some(votes) = votes else { continue };
            let approved = Approved::by(&votes);
            let settled = call.with_approval(approved.as_ref(), |call| compiled.authorize(call).settle(&ledger, now));
            let people = if call.approve_this { call.approvers } else { 0 };
            prop_assert_eq!(outcome(settled), reference::decide(&bundle, call, people, &mut memory, now), "{:?}", call);
        }
    }

    #[test]
    fn another_policy_never_permits_more(bundle in bundle(), more in policy("zz"), calls in calls(10)) {
        // Where a policy is demanded, the first one permits more than none.
        let bundle = PolicyBundle { required: false, ..bundle };
        let mut with = bundle.clone();
        with.policies.push(more);
        let (with, bundle) = (Policy::compile(&with).unwrap(), Policy::compile(&bundle).unwrap());
        for call in &calls {
            prop_assert!(verdict(&with, call) >= verdict(&bundle, call), "{:?}", call);
        }
    }

    #[test]
    fn another_rule_that_denies_never_permits_more(bundle in bundle(), more in rule(Action::Deny, true), calls in calls(10)) {
        let mut with = bundle.clone();
        let Some(last) = with.policies.last_mut() else { return Ok(()) };
        last.rules.push(skreaver_protocol::policy::Rule { name: "zz".into(), ..more });
        last.data_flow.get_or_insert_with(any::data_flow_of_nothing);
        let (with, bundle) = (Policy::compile(&with).unwrap(), Policy::compile(&bundle).unwrap());
        for call in &calls {
            prop_assert!(verdict(&with, call) >= verdict(&bundle, call), "{:?}", call);
        }
    }

    #[test]
    fn another_rule_that_asks_for_approval_never_lets_more_pass_unasked(
        bundle in bundle(), more in rule(Action::RequireApproval, true), calls in calls(10)
    ) {
        let mut with = bundle.clone();
        let Some(last) = with.policies.last_mut() else { return Ok(()) };
        last.rules.push(skreaver_protocol::policy::Rule { name: "zz".into(), ..more });
        last.data_flow.get_or_insert_with(any::data_flow_of_nothing);
        let (with, bundle) = (Policy::compile(&with).unwrap(), Policy::compile(&bundle).unwrap());
        for call in &calls {
            let (with, before) = (verdict(&with, call), verdict(&bundle, call));
            prop_assert!(with != Verdict::Allow || before == Verdict::Allow, "{:?}", call);
        }
    }

    #[test]
    fn what_is_not_listed_is_never_permitted(bundle in bundle(), calls in calls(10)) {
        let compiled = Policy::compile(&bundle).unwrap();
        for call in &calls {
            prop_assert!(compiled.lists(&call.tool) || verdict(&compiled, call) == Verdict::Deny, "{:?}", call);
        }
    }

    #[test]
    fn what_is_explained_is_what_is_decided(bundle in bundle(), calls in calls(10)) {
        use skreaver_protocol::policy::Mode;
        let compiled = Policy::compile(&bundle).unwrap();
        for call in &calls {
            let (explained, decided) = call.with(|call| (compiled.explain(call), compiled.authorize(call).verdict()));
            let enforced = explained.iter().filter(|policy| policy.mode == Mode::Enforce);
            let missing = bundle.required && enforced.clone().count() == 0;
            let strictest = enforced.map(|policy| policy.verdict).max().unwrap_or(Verdict::Allow);
            prop_assert_eq!(if missing { Verdict::Deny } else { strictest }, decided, "{:?}", call);
        }
    }
}
