//! Scans files, or all files below folders: `cargo run -p skreaver-detect --example scan -- PATH...` prints where what was found,
//! and not the secret itself; with `--content` also what is suspicious. With `--json` it tells all, for a program that compares.

use std::path::{Path, PathBuf};

use skreaver_detect::{Content, Secrets, escape_for_log};

fn main() {
    let (options, paths): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let has = |option: &str| options.iter().any(|given| given == option);
    let mut open: Vec<PathBuf> = paths.into_iter().map(PathBuf::from).collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            scan(&path, &text, has("--json"), has("--content"));
        }
    }
}

fn scan(path: &Path, text: &str, json: bool, content: bool) {
    let secrets = Secrets::all().find(text).into_iter().map(|found| (found.range, found.kind, found.confidence));
    let suspicious = if content { Content::new().find(text) } else { Vec::new() };
    for (range, what, confidence) in
        secrets.chain(suspicious.into_iter().map(|found| (found.range, found.reason, found.confidence)))
    {
        let line = text[..range.start].matches('\n').count() + 1;
        match json {
            true => println!("{}", serde_json::json!({ "File": path, "StartLine": line, "RuleID": what, "Match": &text[range] })),
            false => println!("{}:{line}: {what} ({confidence:?})", escape_for_log(&path.display().to_string())),
        }
    }
}
