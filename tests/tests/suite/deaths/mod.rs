//! The runtime never loses accepted work: it dies at each point in the life of a run, and what was acknowledged is done all the
//! same, once.
//!
//! A case is one point and one seed. Seven runs are under way when the process dies; [`callers`] wait for them through its death,
//! and [`verdict`] judges what became of them by what the callers were told, by the ledger of effects and questions, and by what
//! the dead left in memory ([`left`]).

mod callers;
mod home;
mod left;
mod power;
mod process;
mod verdict;

use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, Instant};

use futures::StreamExt;
use skreaver_memory::Durability;
use skreaver_tests::mortal::Point;

pub(crate) use home::{Case, survive};
use power::Power;
pub(crate) use process::{Companions, Process};
use verdict::{Fault, Report};

/// Seeds of each point: `make test` takes one fiftieth of a soak, and `SKREAVER_SEEDS` asks for any number.
fn seeds() -> u64 {
    let asked = std::env::var("SKREAVER_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    asked.unwrap_or(if is_soak() { 50 } else { 1 })
}

fn is_soak() -> bool {
    std::env::var("SKREAVER_SOAK").is_ok_and(|soak| soak == "1")
}

/// Every point with every seed, `at_once` of them beside each other.
pub(crate) async fn all<F: Future<Output = Report>>(what: &str, at_once: usize, survive: impl Fn(Case) -> F) {
    let begin = Instant::now();
    let cases = Point::all().iter().flat_map(|point| (0..seeds()).map(|seed| Case::new(*point, seed)));
    let reports: Vec<Report> = futures::stream::iter(cases).map(survive).buffer_unordered(at_once).collect().await;
    tell(what, &reports, begin.elapsed());
    let faults: Vec<_> = reports.iter().flat_map(|report| &report.faults).map(|(_, told)| told.as_str()).collect();
    assert!(faults.is_empty(), "{what}:\n{}", faults.join("\n"));
}

/// Tells of a soak past the capture of the test harness, which shows only what failed.
fn tell(what: &str, reports: &[Report], took: Duration) {
    if !is_soak() {
        return;
    }
    let count = |wanted: Fault| reports.iter().flat_map(|report| &report.faults).filter(|(fault, _)| *fault == wanted).count();
    let (points, seeds) = (Point::all().len(), seeds());
    let kills: usize = reports.iter().map(|report| report.kills).sum();
    let slowest = reports.iter().map(|report| report.resumed).max().unwrap_or_default();
    let columns: [(&str, &dyn Display); 9] = [
        ("points", &points),
        ("seeds", &seeds),
        ("kills", &kills),
        ("lost", &count(Fault::Lost)),
        ("doubled", &count(Fault::Doubled)),
        ("asked again", &count(Fault::AskedAgain)),
        ("wrong", &count(Fault::Wrong)),
        ("slowest resume", &format!("{:.1} s", slowest.as_secs_f64())),
        ("took", &format!("{:.0} s", took.as_secs_f64())),
    ];
    let columns: Vec<_> = columns.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let names: Vec<_> = Point::all().iter().map(|point| point.name()).collect();
    let _ = writeln!(std::io::stdout(), "\n{what}: {}\n  points: {}", columns.join(", "), names.join(", "));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_with_files() {
    all("File, process killed", 4, |case| async move {
        let mut process = Process::with_files(&case, Durability::Durable);
        survive(&mut process, case).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_with_sqlite() {
    all("SQLite, process killed", 4, |case| async move {
        let mut process = Process::with_sqlite(&case, Durability::Durable);
        survive(&mut process, case).await
    })
    .await;
}

/// What is `Buffered` survives processes as well.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_buffered_is_lost_with_the_process() {
    all("File, Buffered, process killed", 4, |case| async move {
        let mut process = Process::with_files(&case, Durability::Buffered);
        survive(&mut process, case).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_with_the_power() {
    all("File, unsynced writes dropped", 4, |case| async move {
        let mut power = Power::new(&case, Durability::Durable);
        survive(&mut power, case).await
    })
    .await;
}

/// What is `Buffered` may go with the machine. What is left of it is whole, and goes on.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_power_leaves_of_buffered_goes_on() {
    all("File, Buffered, unsynced writes dropped", 4, |case| async move {
        let mut power = Power::new(&case, Durability::Buffered);
        survive(&mut power, case).await
    })
    .await;
}
