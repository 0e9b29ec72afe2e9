//! Runs the tests one after the other, as far as their names are asked for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::time::{Duration, Instant};

use skreaver_tools::worker::Program;

/// A test by its name.
pub(crate) type Test = (&'static str, fn(Program) -> Pin<Box<dyn Future<Output = ()>>>);

pub(crate) fn run(program: Program, tests: &[Test]) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        tests.iter().for_each(|(name, _)| println!("{name}: test"));
        return;
    }
    let is_wanted = wanted(&arguments);
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in tests.iter().filter(|(name, _)| is_wanted(name)) {
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let is_ok = catch_unwind(AssertUnwindSafe(|| tokio.block_on(test(program)))).is_ok();
        println!("test {name} ... {}", if is_ok { "ok" } else { "FAILED" });
        passed += usize::from(is_ok);
        failed += usize::from(!is_ok);
    }
    let (verdict, others) = (if failed == 0 { "ok" } else { "FAILED" }, tests.len() - passed - failed);
    println!("\ntest result: {verdict}. {passed} passed; {failed} failed; {others} filtered out\n");
    if failed > 0 {
        std::process::exit(101);
    }
}

/// Which tests the usual arguments ask for: names that have one of the words, and none of those behind `--skip`.
fn wanted(arguments: &[String]) -> impl Fn(&str) -> bool {
    let (mut words, mut skipped) = (Vec::new(), Vec::new());
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--skip" => skipped.extend(arguments.next()),
            option if option.starts_with('-') => {}
            _ => words.push(argument),
        }
    }
    move |name| {
        let has = |word: &&&String| name.contains(word.as_str());
        (words.is_empty() || words.iter().any(|word| has(&word))) && !skipped.iter().any(|word| has(&word))
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
