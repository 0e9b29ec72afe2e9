//! Every kind of secret is found where it stands, and nothing in honest text: recall and precision for each.
//!
//! A third of the kinds, chosen by their names, is held out: `kinds/held_out.txt` was written after the table, and no row of the
//! table has been changed for what it showed. `kinds/tuned.txt` holds the samples that the table may be fitted to.

use std::collections::BTreeMap;
use std::ops::Range;

use skreaver_detect::{Confidence, Secrets};

use crate::generator::{Dice, make};

const TUNED: &str = include_str!("kinds/tuned.txt");
const HELD_OUT: &str = include_str!("kinds/held_out.txt");

/// One line of the files: a kind, the name that it is assigned to, and what it looks like.
struct Sample {
    kind: &'static str,
    name: &'static str,
    template: &'static str,
}

/// What was found of one kind.
#[derive(Default, Clone)]
pub struct Score {
    pub held_out: bool,
    pub made: usize,
    /// No byte of the secret was left.
    pub covered: usize,
    /// And it was called by its name.
    pub named: usize,
    /// It was called so and was none.
    pub wrong: usize,
}

fn samples(file: &'static str) -> impl Iterator<Item = Sample> {
    file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let mut parts = line.splitn(3, '|').map(str::trim);
        let mut next = || parts.next().unwrap_or_else(|| panic!("`{line}` has three parts"));
        Sample { kind: next(), name: next(), template: next() }
    })
}

/// A third of all names, by FNV-1a.
fn is_held_out(kind: &str) -> bool {
    kind.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)).is_multiple_of(3)
}

pub fn soak() -> bool {
    std::env::var_os("SKREAVER_SOAK").is_some_and(|soak| soak == "1")
}

#[test]
fn every_kind_has_a_sample_in_the_file_that_its_name_chooses() {
    let kinds: Vec<_> = Secrets::all().kinds().map(|(kind, _)| kind).collect();
    let files = [(TUNED, "tuned.txt", false), (HELD_OUT, "held_out.txt", true)];
    for kind in &kinds {
        let (text, file, _) = files.iter().find(|(_, _, held_out)| *held_out == is_held_out(kind)).unwrap();
        assert_eq!(samples(text).filter(|sample| sample.kind == *kind).count(), 1, "`{kind}` needs a line in kinds/{file}");
    }
    assert_eq!(samples(TUNED).count() + samples(HELD_OUT).count(), kinds.len());
    let unique: std::collections::BTreeSet<_> = kinds.iter().collect();
    assert_eq!(unique.len(), kinds.len());
    assert!(kinds.len() >= 200);
}

/// A secret in the kind of text in which such secrets stand.
fn in_context(sample: &Sample, dice: &mut Dice) -> (String, Range<usize>) {
    let (value, inner) = make(sample.template, dice);
    let lower = sample.name.to_lowercase();
    let contexts: Vec<[String; 2]> = match sample.name {
        "" => vec![
            [String::new(), String::new()],
            ["The new one is ".into(), ", keep it.".into()],
            ["2026-11-25T04:00:00Z INFO sent ".into(), " to the host".into()],
            ["first line\nVALUE=".into(), "\nlast line".into()],
            ["  - \"".into(), "\"".into()],
            [r#"{"note": "a\n"#.into(), r#"\nb"}"#.into()],
        ],
        name => vec![
            [format!("export {name}="), "\n".into()],
            [format!("{name}=\""), "\"".into()],
            [format!("  {lower}: "), "\n  next: 1".into()],
            [format!("{{\"id\": 7, \"{lower}\": \""), "\", \"x\": true}".into()],
            [format!("config.{lower} = '"), "';".into()],
            [format!("run --{}=", lower.replace(['_', ' '], "-")), " --verbose".into()],
        ],
    };
    let [before, after] = contexts[dice.throw(contexts.len())].clone();
    let range = before.len() + inner.start..before.len() + inner.end;
    (before + &value + &after, range)
}

/// Recall of every kind, and what is wrongly called by its name in honest text.
pub fn scores(count: usize) -> BTreeMap<&'static str, Score> {
    let secrets = Secrets::all();
    let mut scores: BTreeMap<_, Score> = secrets.kinds().map(|(kind, _)| (kind, Score::default())).collect();
    for sample in samples(TUNED).chain(samples(HELD_OUT)) {
        let mut dice = Dice(sample.kind.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte)));
        let mut score = Score { held_out: is_held_out(sample.kind), made: count, ..Score::default() };
        for _ in 0..count {
            let (text, secret) = in_context(&sample, &mut dice);
            let found = secrets.find(&text);
            let over = found.iter().find(|found| found.range.start <= secret.start && found.range.end >= secret.end);
            score.covered += usize::from(over.is_some());
            score.named += usize::from(over.is_some_and(|found| found.kind == sample.kind));
            if over.is_none() && std::env::var_os("SHOW_MISSES").is_some() {
                println!("missed {}: {text:?}: {found:?}", sample.kind);
            }
        }
        scores.insert(sample.kind, score);
    }
    for text in crate::honest::texts(count * 100) {
        for found in secrets.find(&text) {
            println!("honest text is called {}: {:?}", found.kind, &text[found.range.clone()]);
            scores.entry(found.kind).or_default().wrong += 1;
        }
    }
    scores
}

/// Mean recall, and the share that is called by its own name.
fn mean<'s>(scores: impl Iterator<Item = &'s Score>) -> (f64, f64) {
    let (mut made, mut covered, mut named) = (0, 0, 0);
    for score in scores {
        (made, covered, named) = (made + score.made, covered + score.covered, named + score.named);
    }
    (covered as f64 / made as f64, named as f64 / made as f64)
}

#[test]
fn secrets_are_found_and_honest_text_is_not() {
    let count = if soak() { 2000 } else { 20 };
    let scores = scores(count);
    for (kind, score) in
        scores.iter().filter(|(_, score)| score.covered < score.made || score.named < score.made || score.wrong > 0)
    {
        let Score { held_out, made, covered, named, wrong } = score;
        println!(
            "{kind:34} {} recall {covered:4}/{made} named {named:4} wrong {wrong}",
            if *held_out { "held out" } else { "        " }
        );
    }
    let (tuned, held_out): (Vec<_>, Vec<_>) = scores.values().partition(|score| !score.held_out);
    let ((tuned, tuned_named), (held_out, held_out_named)) = (mean(tuned.into_iter()), mean(held_out.into_iter()));
    let wrong: usize = scores.values().map(|score| score.wrong).sum();
    println!(
        "tuned: {tuned:.4} found, {tuned_named:.4} named; held out: {held_out:.4} found, {held_out_named:.4} named; wrong: {wrong}"
    );
    assert!(tuned >= 0.99, "recall of the tuned kinds is {tuned}");
    assert!(held_out >= 0.95, "recall of the kinds held out is {held_out}");
    assert_eq!(wrong, 0, "secrets in honest text");
}

/// Every sample as a file of its own, for other judges: `benches/detect/compare` runs this.
#[test]
#[ignore = "writes files for other judges"]
fn write_the_samples() {
    let folder = std::path::PathBuf::from(std::env::var_os("DETECT_SAMPLES").expect("DETECT_SAMPLES names a folder"));
    let write = |name: &str, index: usize, text: &str| {
        std::fs::create_dir_all(folder.join(name)).expect("a folder");
        std::fs::write(folder.join(name).join(format!("{index}.txt")), text).expect("a file");
    };
    let mut index = String::new();
    for sample in samples(TUNED).chain(samples(HELD_OUT)) {
        let mut dice = Dice(4);
        for number in 0..20 {
            let (text, secret) = in_context(&sample, &mut dice);
            write(sample.kind, number, &text);
            let held_out = is_held_out(sample.kind);
            let line =
                serde_json::json!({ "kind": sample.kind, "number": number, "held_out": held_out, "secret": &text[secret] });
            index.push_str(&format!("{line}\n"));
        }
    }
    crate::honest::texts(2000).enumerate().for_each(|(number, text)| write("honest", number, &text));
    std::fs::write(folder.join("index.jsonl"), index).expect("a file");
}

#[test]
fn redacted_text_has_nothing_of_the_secret_left() {
    let secrets = Secrets::all();
    for sample in samples(TUNED) {
        let (text, secret) = in_context(&sample, &mut Dice(99));
        let redacted = secrets.redact(&text).into_owned();
        let secret = &text[secret];
        // Not even a piece of it, be it from the beginning or the end.
        let pieces = [secret.get(..12), secret.len().checked_sub(12).and_then(|at| secret.get(at..))];
        if secrets.find(&text).iter().any(|found| text[found.range.clone()].contains(secret)) && secret.len() >= 24 {
            let left: Vec<_> = pieces.into_iter().flatten().filter(|piece| redacted.contains(*piece)).collect();
            assert!(left.is_empty(), "{}: {left:?} is left in {redacted:?}", sample.kind);
        }
        assert_eq!(secrets.redact(&redacted), redacted, "{}: what is redacted is no secret", sample.kind);
    }
}

#[test]
fn confidence_follows_from_what_says_that_it_is_a_secret() {
    let of = |text: &str| Secrets::all().find(text)[0].confidence;
    assert_eq!(of("dop_v1_5f0c1e8a9b7d63420f1e8a9b7d6342c05f0c1e8a9b7d63420f1e8a9b7d6342c1"), Confidence::High);
    assert_eq!(of("LINODE_TOKEN=5f0c1e8a9b7d63420f1e8a9b7d6342c05f0c1e8a9b7d63420f1e8a9b7d6342c1"), Confidence::Medium);
    assert_eq!(of("password: correct7horse"), Confidence::Low);
}
