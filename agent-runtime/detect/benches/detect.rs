//! What a scan costs, in bytes a second, beside two passes over the same text in the same run: the simplest that reads every byte,
//! and that of aho-corasick, which looks for some of the same anchors and for nothing behind them.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aho_corasick::AhoCorasick;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use skreaver_detect::{Content, Secrets, escape_for_log};

const SIZE: usize = 1 << 20;
/// A few of the anchors, of several hundred.
const ANCHORS: &str = "password passwd secret token api_key access_key private_key credential authorization datadog cohere sk-ant- ghp_ \
    AKIA eyJ :// xoxb- hvs. -----BEGIN T3BlbkFJ glsa_ npm_ AIza SG.";

/// So much of some lines, with a number in each, as answers of tools have it.
fn repeated(lines: &[&str]) -> String {
    let mut text = String::with_capacity(SIZE + 256);
    for (line, number) in lines.iter().cycle().zip(0..) {
        if text.len() >= SIZE {
            break;
        }
        text.push_str(&line.replace('#', &(number * 7919 % 100_003).to_string()));
        text.push('\n');
    }
    text
}

fn texts() -> Vec<(&'static str, String)> {
    let prose = repeated(&[
        "When the keeper of the lighthouse had passed his sixtieth year, he began to write down # things he was sure of.",
        "It was a short list, and he kept it in a tin box under the stairs, beside the tokens of # summers and a key to no door.",
        "\"Nobody asks,\" he told the doctor, who came every second Thursday and stayed for # cups of tea and the news.",
    ]);
    let json = repeated(&[
        r#"{"id": #, "name": "amber-#", "url": "https://x.example/items/#?page=2&size=50", "tags": ["red", "small"], "price": 12.5},"#,
        r#"{"id": #, "user": {"email": "joe#@x.example", "role": "viewer"}, "created_at": "2026-11-25T04:00:00Z", "total_tokens": #},"#,
        r#"{"id": #, "sha": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "message": "Fix the parser of dates", "verified": true},"#,
    ]);
    let code = repeated(&[
        "    let token = self.tokens.get(&id_#).cloned().ok_or_else(|| Error::not_found(\"token\", id))?;",
        "    if let Some(password) = config.password.as_deref() { client = client.password(password).retries(#); }",
        "    // The order of these # fields is that of the table, and nothing else reads it.",
    ]);
    let hostile = repeated(&[
        "password= api_key: sk-ant-api03-sk-ant-api03- ghp_ghp_ghp_ .eyJ.eyJ.eyJ :// xoxb- AKIA AKIA AKIA secret= token= token= token=",
        "-----BEGIN RSA PRIVATE KEY----------BEGIN RSA PRIVATE KEY-----hvs.hvs.hvs.hvs.hvs.hvs.hvs. T3BlbkFJT3BlbkFJT3BlbkFJ datadog datadog",
        "${${${${ {{{{{{ ;;;;;;;; ||||| $($($($( ````` <!--<!--<!-- ![![![ ignore ignore ignore \u{1b}]\u{1b}]\u{1b}] \u{200b}a\u{200b}",
    ]);
    vec![("prose", prose), ("JSON", json), ("code", code), ("hostile", hostile)]
}

fn detect(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("detect");
    let (secrets, content, anchors) = (Secrets::all(), Content::new(), anchors());
    for (name, text) in texts() {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("floor, {name}"), |bencher| {
            bencher.iter(|| black_box(&text).bytes().fold(0_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(31)));
        });
        group.bench_function(format!("aho-corasick, {name}"), |bencher| {
            bencher.iter(|| anchors.find_overlapping_iter(black_box(&text)).count());
        });
        group.bench_function(format!("secrets, {name}"), |bencher| bencher.iter(|| secrets.find(black_box(&text)).len()));
        group.bench_function(format!("content, {name}"), |bencher| bencher.iter(|| content.find(black_box(&text)).len()));
        group.bench_function(format!("escape, {name}"), |bencher| bencher.iter(|| escape_for_log(black_box(&text)).len()));
    }
    group.finish();
    ratios();
}

fn anchors() -> AhoCorasick {
    AhoCorasick::builder().ascii_case_insensitive(true).build(ANCHORS.split_whitespace()).expect("two dozen short texts")
}

/// Both by turns, so that a busy machine is as busy for the one as for the other.
fn ratios() {
    let (secrets, anchors) = (Secrets::all(), anchors());
    for (name, text) in texts() {
        let (mut ours, mut floor) = (Duration::MAX, Duration::MAX);
        for _ in 0..20 {
            ours = ours.min(time(|| secrets.find(black_box(&text)).len()));
            floor = floor.min(time(|| anchors.find_overlapping_iter(black_box(&text)).count()));
        }
        let (speed, ratio) = (text.len() as f64 / 1e6 / ours.as_secs_f64(), ours.as_secs_f64() / floor.as_secs_f64());
        println!("test detect/secrets, {name}: {speed:.0} MB/s at best, {ratio:.2} of the time of aho-corasick");
    }
}

fn time(work: impl Fn() -> usize) -> Duration {
    let started = Instant::now();
    black_box(work());
    started.elapsed()
}

criterion_group!(benches, detect);
criterion_main!(benches);
