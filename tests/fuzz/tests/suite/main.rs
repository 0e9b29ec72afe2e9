//! Every input that is kept is taken again, and some thousands made of them, the same ones each time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use skreaver_fuzz::{Campaign, Corpus, Target, folder, targets};

/// Inputs for each target.
const EXECUTIONS: u64 = 3_000;
/// How long one target may go on: a slow machine makes fewer inputs, and takes all that are kept.
const TIME: Duration = Duration::from_millis(1_200);

#[test]
fn whatever_is_kept_and_some_thousands_made_of_it_break_nothing() {
    let queue = std::sync::Mutex::new(targets::ALL.to_vec());
    let next = || queue.lock().unwrap().pop();
    let work = || std::iter::from_fn(next).filter_map(broken).collect::<Vec<_>>();
    let broken: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn broken(target: Target) -> Option<String> {
    let campaign = Campaign { executions: EXECUTIONS, seed: 20_261_125, until: Some(Instant::now() + TIME), last: None };
    let broken = campaign.run(target).unwrap().err()?;
    let name = Corpus::keep(target.name, &broken.input).unwrap();
    Some(format!("{} broke of {}: {}", target.name, folder(target.name).join(name).display(), broken.why))
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let mut names: Vec<_> = targets::ALL.iter().map(|target| target.name.to_owned()).collect();
    names.sort();
    let corpora = std::fs::read_dir(folder("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut corpora: Vec<_> = corpora.collect();
    corpora.sort();
    assert_eq!(names, corpora);
}

#[test]
fn there_are_as_many_targets_as_were_promised_and_their_corpora_are_small() {
    assert!(targets::ALL.len() >= 24, "{}", targets::ALL.len());
    for target in targets::ALL {
        let bytes: usize = Corpus::of(target.name).unwrap().0.iter().map(|(_, input)| input.len()).sum();
        assert!((1..16 << 10).contains(&bytes), "the corpus of {} has {bytes} bytes", target.name);
    }
}
