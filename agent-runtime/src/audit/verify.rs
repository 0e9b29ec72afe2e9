//! Whether a log is as it was written.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::chain::{NOTHING, expected};
use super::record::Record;

/// What was found in a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Its chains, by their ids.
    pub chains: BTreeMap<Uuid, ChainReport>,
    /// Lines that are no records: of other writers to the same stream.
    pub others: u64,
    /// What is not as it was written, in the order of the lines.
    pub breaks: Vec<Break>,
}

/// One chain of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainReport {
    /// How many records there are.
    pub records: u64,
    /// When the first was written.
    pub from: Timestamp,
    /// When the last was.
    pub to: Timestamp,
    /// The hash of the last. Kept elsewhere, it tells whether later records of the chain are missing.
    pub head: String,
    /// The place of the next.
    next: u64,
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The line, from 1 on.
    pub line: u64,
    /// What is wrong with it.
    pub problem: String,
}

impl Report {
    /// Whether all records are as they were written, and none is missing between the first and the last of each chain.
    pub fn is_whole(&self) -> bool {
        self.breaks.is_empty()
    }

    /// Goes on behind a record that cannot be read, so that those after it are not called wrong for it.
    fn pass_over(&mut self, value: &Value) {
        let chain = value["chain"].as_str().and_then(|chain| chain.parse().ok());
        if let (Some(chain), Some(hash)) = (chain.and_then(|chain: Uuid| self.chains.get_mut(&chain)), value["hash"].as_str()) {
            (chain.head, chain.next) = (hash.to_owned(), chain.next.saturating_add(1));
        }
    }

    fn line(&mut self, line: u64, text: &str) {
        let Ok(value) = serde_json::from_str::<Value>(text) else { return self.others += 1 };
        if value.get("skreaver_audit").is_none() {
            return self.others += 1;
        }
        let mut problem = |problem: String| self.breaks.push(Break { line, problem });
        let record: Record = match serde_json::from_value(value.clone()) {
            Ok(record) => record,
            Err(error) => {
                problem(format!("it is no record of this version: {error}"));
                return self.pass_over(&value);
            }
        };
        if expected(&value).is_none_or(|expected| expected != record.hash) {
            problem(format!("record {} was changed: its hash is not that of its content", record.seq));
        }
        let Record { chain, seq, at, previous, hash, .. } = record;
        let before = self.chains.get(&chain);
        let (next, head) = before.map_or((0, NOTHING), |before| (before.next, before.head.as_str()));
        if seq != next {
            problem(format!("record {seq} of chain {chain} stands where {next} should"));
        } else if previous != head {
            problem(format!("record {seq} of chain {chain} does not follow the one before it"));
        }
        let report = ChainReport { records: 0, from: at, to: at, head: String::new(), next };
        let report = self.chains.entry(chain).or_insert(report);
        (report.to, report.head, report.next) = (at, hash, seq.saturating_add(1));
        report.records += 1;
    }
}

/// Reads a log and finds what is not as it was written.
///
/// # Errors
/// What reading fails of.
pub fn verify(log: impl BufRead) -> io::Result<Report> {
    let mut report = Report::default();
    for (number, line) in (1..).zip(log.split(b'\n')) {
        let line = line?;
        match std::str::from_utf8(&line) {
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => report.line(number, text),
            Err(_) => report.others += 1,
        }
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::chain::Chain;
    use super::super::record::Entry;
    use super::*;

    fn log(records: u64) -> Vec<String> {
        let mut chain = Chain::new(Uuid::from_u128(7));
        let entry = |number| Entry::Opened { process: format!("pod-{number}"), version: "1".into() };
        (0..records).map(|number| chain.link(Timestamp::UNIX_EPOCH, entry(number)).text).collect()
    }

    fn check(lines: &[String]) -> Report {
        verify(lines.concat().as_bytes()).unwrap()
    }

    #[test]
    fn an_untouched_log_is_whole_whoever_else_writes_between() {
        let mut lines = log(3);
        lines.insert(1, "INFO starting\n".into());
        lines.insert(3, "{\"level\": \"info\"}\n".into());
        // A collector orders fields as it likes.
        let value: Value = serde_json::from_str(&lines[2]).unwrap();
        let turned: Vec<_> = value.as_object().unwrap().iter().rev().map(|(name, value)| format!("{name:?}: {value}")).collect();
        lines[2] = format!("{{ {} }}\n", turned.join(" , "));
        let report = check(&lines);
        assert!(report.is_whole(), "{:?}", report.breaks);
        assert_eq!((report.others, report.chains[&Uuid::from_u128(7)].records), (2, 3));
    }

    proptest! {
        /// Whatever is done to a log but at its end shows.
        #[test]
        fn records_that_are_changed_missing_moved_or_doubled_show(records in 3u64..8, at in 0usize..99, how in 0usize..4, byte in 0usize..999) {
            let mut lines = log(records);
            // Not the last: that an end is missing cannot be seen.
            let at = at % (lines.len() - 1);
            match how {
                0 => drop(lines.remove(at)),
                1 => lines.insert(at, lines[at].clone()),
                2 => lines.swap(at, at + 1),
                _ => {
                    let place = lines[at].find("pod-").unwrap() + byte % 4;
                    lines[at].replace_range(place..=place, "X");
                }
            }
            prop_assert!(!check(&lines).is_whole());
        }
    }
}
