//! Cases in which many tasks write at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::join_all;
use futures::poll;

use super::{Handle, key, keys};
use crate::{Check, Keep, Op, Scan, Transaction, Verdict};

const TASKS: usize = 16;
const INCREMENTS: usize = 64;

pub(super) async fn appends_from_many_tasks_leave_no_gap(memory: Handle) {
    let firsts = spawn(TASKS, |task| {
        let memory = Arc::clone(&memory);
        async move {
            // One, two or three values, each of which says who wrote it and where.
            let values: Vec<Bytes> = (0..task % 3 + 1).map(|at| format!("{task}.{at}").into()).collect();
            memory.append(&key("log"), values).await.unwrap()
        }
    })
    .await;
    let entries = memory.scan(&Scan::prefix("log/", 100)).await.unwrap();
    assert_eq!(entries.len(), (0..TASKS).map(|task| task % 3 + 1).sum::<usize>());
    for (number, (found, _)) in entries.iter().enumerate() {
        assert_eq!(found.as_str(), format!("log/{number:020}"), "numbers have a gap");
    }
    for (task, first) in firsts.into_iter().enumerate() {
        let at = entries.iter().position(|(found, _)| *found == first).unwrap();
        for part in 0..task % 3 + 1 {
            assert_eq!(entries[at + part].1, format!("{task}.{part}"), "the values of one append do not stand together");
        }
    }
    memory.put(key("log0"), "not of this log".into()).await.unwrap();
    let next = memory.append(&key("log"), vec!["last".into()]).await.unwrap();
    assert_eq!(next.as_str(), format!("log/{:020}", entries.len()));
}

pub(super) async fn compare_and_set_loses_no_increment(memory: Handle) {
    memory.put(key("counter"), "0".into()).await.unwrap();
    spawn(INCREMENTS, |_| {
        let memory = Arc::clone(&memory);
        async move { while !increment(&memory).await {} }
    })
    .await;
    assert_eq!(memory.get(&key("counter")).await.unwrap(), Some(INCREMENTS.to_string().into()));
}

/// Whether nobody came between.
async fn increment(memory: &Handle) -> bool {
    let seen = memory.get(&key("counter")).await.unwrap().unwrap();
    let next = std::str::from_utf8(&seen).unwrap().parse::<usize>().unwrap() + 1;
    let checks = vec![Check::Equals { key: key("counter"), value: seen }];
    let set = Transaction { checks, ops: vec![Op::put(key("counter"), next.to_string())] };
    memory.commit(&[set], Keep::Written).await.unwrap() == [Verdict::Written]
}

pub(super) async fn one_of_many_takes_a_lease(memory: Handle) {
    let verdicts = spawn(TASKS, |task| {
        let memory = Arc::clone(&memory);
        async move {
            let checks = vec![Check::Absent { key: key("lease") }];
            let take = Transaction { checks, ops: vec![Op::put(key("lease"), task.to_string())] };
            memory.commit(&[take], Keep::Buffered).await.unwrap()[0]
        }
    })
    .await;
    let holders: Vec<_> = (0..TASKS).filter(|task| verdicts[*task] == Verdict::Written).collect();
    assert_eq!(holders.len(), 1, "{holders:?} hold the lease");
    assert_eq!(memory.get(&key("lease")).await.unwrap(), Some(holders[0].to_string().into()));
}

pub(super) async fn readers_see_transactions_whole(memory: Handle) {
    let write = async {
        for round in 0..200 {
            let pair = if round % 2 == 0 { Op::put(key("pair/b"), "1") } else { Op::Delete { key: key("pair/b") } };
            let other = if round % 2 == 0 { Op::put(key("pair/a"), "1") } else { Op::Delete { key: key("pair/a") } };
            memory.commit(&[Transaction { checks: Vec::new(), ops: vec![pair, other] }], Keep::Written).await.unwrap();
        }
    };
    let read = async {
        for _ in 0..200 {
            let met = keys(&memory, Scan::prefix("pair/", 9)).await;
            assert!(met.len() != 1, "a reader sees half of a transaction: {met:?}");
        }
    };
    futures::join!(write, read);
}

pub(super) async fn a_commit_that_is_dropped_is_whole_or_nothing_and_in_nobodys_way(memory: Handle) {
    for round in 0..40 {
        let value = format!("{round}");
        let pair = ["pair/a", "pair/b"].map(|name| Op::put(key(name), value.clone()));
        let dropped = [Transaction { checks: vec![Check::Absent { key: key("none") }], ops: pair.into() }];
        let patience = Duration::from_micros(round * 50);
        let begin = Instant::now();
        let mut commit = memory.commit(&dropped, Keep::Written);
        while poll!(commit.as_mut()).is_pending() && begin.elapsed() < patience {
            tokio::task::yield_now().await;
        }
        drop(commit);
        let values: Vec<_> = memory.scan(&Scan::prefix("pair/", 9)).await.unwrap().into_iter().map(|(_, value)| value).collect();
        assert!(values.is_empty() || (values.len() == 2 && values[0] == values[1]), "round {round}: half is written: {values:?}");
        memory
            .commit(&[Transaction { checks: Vec::new(), ops: vec![Op::put(key("next"), value.clone())] }], Keep::Written)
            .await
            .unwrap();
        assert_eq!(memory.get(&key("next")).await.unwrap(), Some(value.into()), "round {round}");
    }
}

/// Runs a task for each number, all at once, and gives what they gave.
async fn spawn<F>(tasks: usize, task: impl Fn(usize) -> F) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let running: Vec<_> = (0..tasks).map(|number| tokio::spawn(task(number))).collect();
    join_all(running).await.into_iter().map(Result::unwrap).collect()
}
