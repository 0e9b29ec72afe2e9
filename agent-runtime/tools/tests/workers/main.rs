//! Workers, from outside: what is stopped, how soon, and that others go on meanwhile. Without the usual harness, because this
//! program has to become its own worker.

// Clippy knows tests by the usual harness.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod documents;
mod functions;
mod harness;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skreaver_tools::worker::{Limits, Pool, Program};
use skreaver_tools::{Limit, ToolError};

fn main() {
    let program = functions::run_if_asked();
    harness::run(
        program,
        &[
            ("a_builtin_function_answers_as_it_does_here", |program| Box::pin(answers(program))),
            ("what_takes_too_much_is_stopped_at_its_limit", |program| Box::pin(stopped(program))),
            ("what_breaks_is_told_and_replaced", |program| Box::pin(broken(program))),
            ("another_call_goes_on_meanwhile", |program| Box::pin(goes_on(program))),
            ("hostile_documents_end_within_their_limits", |program| Box::pin(hostile(program))),
            ("a_worker_has_nothing_of_its_program", |program| Box::pin(has_nothing(program))),
            ("a_worker_is_used_again_until_it_is_used_up", |program| Box::pin(used_again(program))),
            ("a_call_that_is_dropped_stops_its_worker", |program| Box::pin(dropped(program))),
            ("no_more_workers_run_than_the_pool_has", |program| Box::pin(bounded(program))),
            ("a_worker_that_nobody_needs_ends", |program| Box::pin(idle(program))),
        ],
    );
}

const LIMITS: Limits = Limits { time: Duration::from_secs(5), cpu_seconds: 1, memory: 64 << 20, output: 1 << 20 };
/// How late a stop may come; less is what the issue asks of a machine that is not busy.
const LATE: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1000 } else { 100 });

fn pool(program: Program, size: usize) -> Arc<Pool> {
    Pool::new(program, size, LIMITS).unwrap()
}

fn within(milliseconds: u64) -> Limits {
    Limits { time: Duration::from_millis(milliseconds), ..LIMITS }
}

async fn answers(program: Program) {
    let pool = pool(program, 2);
    assert_eq!(pool.call("json_parse", json!({"text": r#"{"a": [1]}"#})).await, Ok(json!({"a": [1]})));
    let refused = pool.call("json_parse", json!({"text": "{"})).await.unwrap_err();
    assert!(matches!(&refused, ToolError::InvalidArguments(why) if why.contains("no JSON")), "{refused:?}");
    let unknown = pool.call("levitate", json!({})).await.unwrap_err();
    assert_eq!(unknown, ToolError::Failed("the workers of this program know no function `levitate`".into()));
    let large = "x".repeat(900 << 10);
    assert_eq!(pool.call("uppercase", json!({"text": large})).await, Ok(json!("X".repeat(900 << 10))));
}

async fn stopped(program: Program) {
    let pool = pool(program, 2);
    let time = Limit::Time(Duration::from_millis(300));
    for (function, limits, limit) in [
        ("spin", within(300), time.clone()),
        ("sleep", within(300), time.clone()),
        ("spin", within(5000), Limit::Cpu(1)),
        ("allocate", within(5000), Limit::Memory(64 << 20)),
        ("reserve", within(5000), Limit::Memory(64 << 20)),
        ("recurse", within(5000), Limit::Stack),
        ("print", within(5000), Limit::Output(1 << 20)),
        ("return_much", within(5000), Limit::Output(1 << 20)),
    ] {
        let (started, computed) = (Instant::now(), children_computed());
        let outcome = pool.call_within(limits, function, json!({})).await;
        let (took, computed) = (started.elapsed(), children_computed() - computed);
        assert_eq!(outcome, Err(ToolError::Stopped(limit.clone())), "{function}");
        let (took, allowed) = match limit {
            Limit::Time(time) => (took, time),
            // On a busy machine a second on the processor takes longer than a second.
            Limit::Cpu(seconds) => (computed, Duration::from_secs(seconds)),
            _ => (took, Duration::ZERO),
        };
        let late = took.saturating_sub(allowed);
        let since = if allowed > Duration::ZERO { "the limit" } else { "the call" };
        println!("    {function:<12} {:<48} {:>5} ms after {since}", limit.to_string(), late.as_millis());
        if allowed > Duration::ZERO {
            assert!(late < LATE, "{function} was stopped {late:?} late");
        }
    }
}

/// How long children that have ended were on the processor, to a hundredth of a second.
fn children_computed() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let behind_name = stat.rsplit_once(')').unwrap().1;
    let ticks: u64 = behind_name.split_whitespace().skip(13).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

async fn broken(program: Program) {
    let pool = pool(program, 1);
    for (function, why) in [
        ("panic", "exit status: 101"),
        ("exit", "exit status: 7"),
        ("leave", "it ended without an answer"),
        ("abort", "signal: 6 (SIGABRT)"),
    ] {
        let outcome = pool.call(function, json!({})).await.unwrap_err();
        let ToolError::Stopped(Limit::Crash(told)) = outcome else { panic!("{function}: {outcome:?}") };
        assert!(told.contains(why), "{function}: {told}");
        assert_eq!(pool.call("uppercase", json!({"text": "after"})).await, Ok(json!("AFTER")), "{function}");
    }
}

/// All that is hostile at once, and honest calls beside it whose answers come.
async fn goes_on(program: Program) {
    let hostile = pool(program, 6);
    let honest = pool(program, 1);
    let functions = ["spin", "allocate", "sleep", "print", "recurse", "panic"];
    let attacks = functions.map(|function| {
        let hostile = Arc::clone(&hostile);
        tokio::spawn(async move { hostile.call_within(within(700), function, json!({})).await })
    });
    let mut answered = 0;
    let started = Instant::now();
    while !attacks.iter().all(tokio::task::JoinHandle::is_finished) {
        assert_eq!(honest.call("add", json!({"a": answered, "b": 1})).await, Ok(json!(answered + 1)));
        answered += 1;
        assert!(started.elapsed() < Duration::from_secs(20));
    }
    for attack in attacks {
        assert!(matches!(attack.await.unwrap(), Err(ToolError::Stopped(_))));
    }
    println!("    {answered} honest calls were answered meanwhile");
    assert!(answered > 0);
}

/// Each ends in an answer or in a typed refusal, in time, and does no harm to the calls beside it.
async fn hostile(program: Program) {
    let (pool, honest) = (pool(program, 2), pool(program, 1));
    let (mut answered, mut refused, mut stopped, mut latest) = (0, 0, 0, Duration::ZERO);
    let documents = documents::hostile();
    let count = documents.len();
    for (tool, arguments) in documents {
        let beginning: String = arguments.to_string().chars().take(60).collect();
        let started = Instant::now();
        let call = pool.call_within(within(500), tool, arguments);
        let (outcome, beside) = tokio::join!(call, honest.call("add", json!({"a": 1, "b": 2})));
        assert_eq!(beside, Ok(json!(3)), "beside {tool} {beginning}");
        let late = started.elapsed().saturating_sub(Duration::from_millis(500));
        latest = latest.max(late);
        assert!(late < LATE, "{tool} {beginning} was stopped {late:?} late");
        match outcome {
            Ok(_) => answered += 1,
            Err(ToolError::Stopped(Limit::Crash(why))) => panic!("{tool} {beginning} broke its worker: {why}"),
            Err(ToolError::Stopped(_)) => stopped += 1,
            Err(ToolError::InvalidArguments(_) | ToolError::Failed(_) | ToolError::Refused { .. }) => refused += 1,
        }
    }
    println!(
        "    {count} documents: {answered} answered, {refused} refused, {stopped} stopped, the latest {} ms late",
        latest.as_millis()
    );
}

async fn has_nothing(program: Program) {
    let pool = pool(program, 1);
    let seen = pool.call("look", json!({})).await.unwrap();
    assert_eq!((&seen["environment"], &seen["folder"]), (&json!(0), &json!("/")));
    for cannot in ["opens_nothing", "connects_to_nothing"] {
        assert_eq!(seen[cannot], true, "{cannot}");
    }
    let process = PathBuf::from(format!("/proc/{}", seen["process"]));
    let open = fs::read_dir(process.join("fd")).unwrap().count();
    assert_eq!(open, 5 + handed_on(), "three streams, the two that were moved, and what was meant for every child");
    assert!(fs::read_to_string(process.join("status")).unwrap().contains("NoNewPrivs:\t1"));
    let limits = fs::read_to_string(process.join("limits")).unwrap();
    for nothing in ["Max file size", "Max core file size", "Max processes"] {
        let limit = limits.lines().find_map(|line| line.strip_prefix(nothing)).unwrap();
        assert_eq!(limit.split_whitespace().next(), Some("0"), "{nothing}");
    }
    // What a function prints does not come between worker and program.
    assert_eq!(pool.call("greet", json!({})).await, Ok(json!("done")));
}

/// How many files this process has from its own parent that go on to every child: cargo hands some to tests. None is ours.
fn handed_on() -> usize {
    let is_handed_on = |info: &String| {
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")?.trim().chars().rev().nth(6)?.to_digit(8));
        // The octal digit of O_CLOEXEC.
        flags.unwrap_or_default() & 2 == 0
    };
    let infos = fs::read_dir("/proc/self/fdinfo").unwrap().filter_map(|entry| {
        let entry = entry.ok()?;
        let number: u32 = entry.file_name().to_str()?.parse().ok()?;
        if number > 2 { fs::read_to_string(entry.path()).ok() } else { None }
    });
    infos.filter(is_handed_on).count()
}

async fn process(pool: &Pool) -> Value {
    pool.call("look", json!({})).await.unwrap()["process"].clone()
}

async fn used_again(program: Program) {
    let pool = pool(program, 1);
    let first = process(&pool).await;
    assert_eq!(process(&pool).await, first);
    assert_eq!(pool.call("toil", json!({})).await, Ok(json!("done")));
    assert_ne!(process(&pool).await, first, "so much was used up that the next call would not have its second");
    let other = pool.call_within(Limits { memory: 32 << 20, ..LIMITS }, "look", json!({})).await.unwrap();
    assert_ne!(process(&pool).await, other["process"], "limits are those of a process");
}

fn is_there(process: &Value) -> bool {
    PathBuf::from(format!("/proc/{process}")).exists()
}

async fn dropped(program: Program) {
    let pool = pool(program, 1);
    let worker = process(&pool).await;
    assert!(is_there(&worker));
    let call = tokio::time::timeout(Duration::from_millis(100), pool.call("sleep", json!({}))).await;
    assert!(call.is_err(), "{call:?}");
    harness::until("the worker has ended", || !is_there(&worker)).await;
    assert_eq!(pool.call("add", json!({"a": 1, "b": 1})).await, Ok(json!(2)));
}

async fn bounded(program: Program) {
    let pool = pool(program, 2);
    let sleepers = [0, 1].map(|_| {
        let pool = Arc::clone(&pool);
        tokio::spawn(async move { pool.call_within(within(1500), "sleep", json!({})).await })
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let refused = pool.call_within(within(200), "add", json!({"a": 1, "b": 1})).await;
    assert_eq!(refused, Err(ToolError::Stopped(Limit::Busy(2))));
    // One that waits longer gets its turn.
    assert_eq!(pool.call("add", json!({"a": 1, "b": 1})).await, Ok(json!(2)));
    for sleeper in sleepers {
        assert!(matches!(sleeper.await.unwrap(), Err(ToolError::Stopped(Limit::Time(_)))));
    }
}

async fn idle(program: Program) {
    let pool = pool(program, 1);
    let started = Instant::now();
    let first = process(&pool).await;
    let start = started.elapsed();
    let started = Instant::now();
    for _ in 0..100 {
        pool.call("add", json!({"a": 1, "b": 1})).await.unwrap();
    }
    println!(
        "    a first call took {} us, each of a hundred later ones {} us",
        start.as_micros(),
        started.elapsed().as_micros() / 100
    );
    harness::until("the idle worker has ended", || !is_there(&first)).await;
    assert_ne!(process(&pool).await, first);
}
