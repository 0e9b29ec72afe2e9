//! What lies on disks: whatever became of it, what is read is what was written, and reading it again is the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::executor::block_on;
use serde_json::Value;
use skreaver::audit::verify;
use skreaver::testing::inside;
use skreaver_memory::file::{Disk, SimulatedDisk};
use skreaver_memory::{FileMemory, KEY_LIMIT, Key, Memory};

use super::first_line;
use crate::Came;

/// Records of a run, a line each: without a checksum they are given the one that they should have.
pub(super) fn journal_records(bytes: &[u8]) -> Came {
    let records: Vec<Vec<u8>> = bytes
        .split(|byte| *byte == b'\n')
        .map(|line| serde_json::from_slice::<Value>(line).map_or_else(|_| line.to_vec(), |event| inside::record(&event)))
        .collect();
    let replay = || inside::replay(records.iter().map(Vec::as_slice));
    let replayed = match replay() {
        Ok(replayed) => replayed,
        Err(damage) => return Came::told(&damage),
    };
    assert_eq!(replay().as_ref(), Ok(&replayed), "replayed twice it is the same run");
    assert!(!replayed.is_ended || replayed.pending == 0, "a run that is over has something to do: {replayed:?}");
    assert!(replayed.calls <= replayed.records, "a rule agent calls at most one tool for what it is told");
    Came::to(&(replayed.records, replayed.calls, replayed.pending, replayed.is_ended))
}

/// The input of a rule agent: what it calls, and with what, are parts of it.
pub(super) fn rule_inputs(bytes: &[u8]) -> Came {
    let Ok(text) = std::str::from_utf8(bytes) else { return Came::NOTHING };
    let called = inside::rule(text);
    if let Some((tool, argument)) = &called {
        assert!(!tool.is_empty() && !tool.contains(':'), "{tool:?}");
        assert!(text.contains(tool.as_str()) && text.ends_with(argument.as_str()), "{text:?} became {called:?}");
    }
    Came::to(&(called.is_some(), text.matches(':').count(), text.len().checked_ilog2()))
}

/// A log of audit records, with other lines among them or without.
pub(super) fn audit_log(bytes: &[u8]) -> Came {
    let report = verify(bytes).expect("a slice is read");
    let lines = bytes.split(|byte| *byte == b'\n').count() as u64;
    let records: u64 = report.chains.values().map(|chain| chain.records).sum();
    assert!(records + report.others <= lines, "{report:?} of {lines} lines");
    assert_eq!(report.is_whole(), report.breaks.is_empty());
    assert!(report.breaks.iter().all(|found| (1..=lines).contains(&found.line)));
    // A record that stands twice stands in the wrong place.
    if records > 0 {
        let twice = verify([bytes, b"\n", bytes].concat().as_slice()).expect("a slice is read");
        assert!(!twice.is_whole(), "a log that stands twice is called whole");
    }
    // What is read is bound by its hash: a letter more in any record is seen.
    if let (true, Some(at)) = (report.is_whole() && records > 0 && report.others == 0, find(bytes, b"\"tool\":\"")) {
        let changed = [&bytes[..at], b"x", &bytes[at..]].concat();
        let seen = verify(changed.as_slice()).expect("a slice is read");
        assert!(!seen.is_whole(), "a record was changed unseen");
    }
    Came::to(&(records.min(9), report.others.min(9), report.breaks.iter().map(|found| found.problem.clone()).collect::<Vec<_>>()))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what).map(|at| at + what.len())
}

/// Files as they were found after whatever became of them: opened once and again, they hold the same.
pub(super) fn memory_segments(bytes: &[u8]) -> Came {
    let disk = SimulatedDisk::new();
    // The first byte says how much is a base, and the rest is a log.
    let (base, log) =
        bytes.split_first().map_or((&[][..], bytes), |(first, rest)| rest.split_at(rest.len().min(usize::from(*first & 0x7f))));
    let write = |name: &str, bytes: &[u8]| -> std::io::Result<()> {
        let file = disk.open(name)?;
        file.write(0, bytes)?;
        file.sync()?;
        disk.sync()
    };
    if !base.is_empty() {
        write("00000000000000000001.base", base).expect("it is in RAM");
    }
    write("00000000000000000002.log", log).expect("it is in RAM");
    let read = || -> Result<(BTreeMap<Key, Vec<u8>>, bool), String> {
        let memory = FileMemory::open_on(Arc::new(disk.clone()), 1 << 20).map_err(|error| error.to_string())?;
        let entries = block_on(memory.snapshot("")).map_err(|error| error.to_string())?;
        Ok((entries.into_iter().map(|(key, value)| (key, value.to_vec())).collect(), memory.damage().is_some()))
    };
    match (read(), read()) {
        (Ok((once, damaged)), Ok((again, damaged_again))) => {
            assert_eq!(once, again, "opened again it holds something else");
            assert!(!damaged_again, "damage was moved aside and is there again");
            Came::to(&(once.len(), damaged))
        }
        (Err(one), Err(other)) => {
            assert_eq!(one, other);
            Came::told(&one)
        }
        (one, other) => panic!("once {one:?}, then {other:?}"),
    }
}

/// Keys in two lines: what is one is what it was, and its order is that of its bytes.
pub(super) fn memory_keys(bytes: &[u8]) -> Came {
    let (one, other) = first_line(bytes);
    let parse = |bytes| std::str::from_utf8(bytes).ok().and_then(|text| Key::parse(text).ok());
    for (key, bytes) in [(parse(one), one), (parse(other), other)] {
        let Some(key) = key else { continue };
        assert_eq!(key.as_str().as_bytes(), bytes);
        assert!((1..=KEY_LIMIT).contains(&bytes.len()) && !bytes.contains(&0), "{bytes:?}");
    }
    if let (Some(one_key), Some(other_key)) = (parse(one), parse(other)) {
        assert_eq!(one_key.cmp(&other_key), one.cmp(other));
    }
    Came::to(&(parse(one).is_some(), parse(other).is_some(), one.len().checked_ilog2()))
}
