//! The contract that every backend keeps, as cases that anybody can run against theirs (feature `testing`).
//!
//! ```
//! use std::sync::Arc;
//! use skreaver_memory::{InMemory, contract};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! contract::check(async |_namespace| Arc::new(InMemory::new()) as _).await;
//! # });
//! ```

#![allow(clippy::unwrap_used, reason = "test support fails by panicking, and says where")]

mod concurrency;
mod expiry;
pub(crate) mod model;
pub(crate) mod random;
mod ranges;
mod searches;
mod transactions;
mod values;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::{Entry, Key, Memory, Scan};

type Handle = Arc<dyn Memory>;
type Case = (&'static str, fn(Handle) -> BoxFuture<'static, ()>);

/// How long a case may take; the slowest ones write a few thousand times.
const DEADLINE: Duration = Duration::from_secs(120);

macro_rules! cases {
    ($($module:ident: [$($case:ident),+ $(,)?])+) => { &[$($((stringify!($case), |memory| $module::$case(memory).boxed())),+),+] };
}

const CASES: &[Case] = cases! {
    values: [
        what_is_put_is_got_until_it_is_deleted,
        values_are_any_bytes,
        large_values_are_kept,
        a_value_over_the_limit_is_refused_and_nothing_written,
        it_is_healthy,
        a_batch_is_written_whole,
        a_snapshot_is_restored_exactly,
    ]
    ranges: [
        keys_come_in_the_order_of_their_bytes,
        prefixes_are_taken_literally,
        a_prefix_ends_where_it_ends,
        pages_in_both_directions_meet_every_key_once,
        after_may_be_any_key,
        limits_hold,
    ]
    expiry: [
        what_has_expired_is_not_there,
        a_deadline_is_replaced_with_the_value,
        the_shortest_and_the_longest_time_to_live,
    ]
    transactions: [
        nothing_is_a_transaction_too,
        checks_hold_or_name_the_first_that_does_not,
        a_refused_transaction_writes_nothing_and_the_others_all,
        later_transactions_see_earlier_ones,
        writes_of_a_transaction_are_in_order,
        delete_all_ends_at_its_prefix,
        every_class_is_written,
    ]
    concurrency: [
        appends_from_many_tasks_leave_no_gap,
        compare_and_set_loses_no_increment,
        one_of_many_takes_a_lease,
        readers_see_transactions_whole,
        a_commit_that_is_dropped_is_whole_or_nothing_and_in_nobodys_way,
    ]
    searches: [
        the_best_match_is_first,
        search_knows_what_was_changed,
        any_text_may_be_looked_for,
    ]
    model: [random_commits_and_scans_agree_with_a_map]
};

/// Runs every case, each in a namespace of its own that `open` gives a handle for; the names are of the form `case-7` and
/// must be empty at the beginning.
///
/// # Panics
/// When a case fails, with the names of all that did; what went wrong in each is printed before.
pub async fn check(open: impl AsyncFn(&str) -> Handle) {
    let mut failed = Vec::new();
    for (number, (name, case)) in CASES.iter().enumerate() {
        let memory = open(&format!("case-{number}")).await;
        let fresh = memory.scan(&Scan::prefix("", 1)).await.unwrap();
        assert_eq!(fresh, [], "the namespace `case-{number}` is not empty at the beginning");
        failed.extend((!passes(name, case(memory)).await).then_some(*name));
    }
    let (one, other) = (open("twin").await, open("twin-2").await);
    let (name, case) = ("namespaces_do_not_see_each_other", values::namespaces_do_not_see_each_other(one, other));
    failed.extend((!passes(name, case.boxed()).await).then_some(name));
    assert!(failed.is_empty(), "{} of {} contract cases failed: {}", failed.len(), CASES.len() + 1, failed.join(", "));
}

/// Runs the case of backends that outlive their handles: what was written is there after all handles are dropped and the
/// namespace is opened again.
///
/// # Panics
/// When something is not there, or something else is.
pub async fn check_reopening(open: impl AsyncFn(&str) -> Handle) {
    let passed = passes("what_was_written_is_there_after_reopening", model::survives_reopening(&open)).await;
    assert!(passed, "the contract case of reopening failed");
}

/// Whether a case ends, in time and without a panic.
async fn passes(name: &str, case: impl Future<Output = ()>) -> bool {
    let outcome = tokio::time::timeout(DEADLINE, AssertUnwindSafe(case).catch_unwind()).await;
    match outcome {
        Ok(Ok(())) => return true,
        Ok(Err(_)) => eprintln!("contract case `{name}` failed as said above"),
        Err(_) => eprintln!("contract case `{name}` did not end within {DEADLINE:?}"),
    }
    false
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn entry(key_text: &str, value: &str) -> Entry {
    (key(key_text), Bytes::copy_from_slice(value.as_bytes()))
}

/// Puts each key with itself as the value.
async fn put_all(memory: &Handle, keys: &[&str]) {
    memory.batch(keys.iter().map(|text| crate::Op::put(key(text), text.as_bytes().to_vec())).collect()).await.unwrap();
}

async fn keys(memory: &Handle, scan: Scan) -> Vec<String> {
    memory.scan(&scan).await.unwrap().into_iter().map(|(key, _)| key.to_string()).collect()
}
