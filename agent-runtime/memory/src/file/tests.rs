//! What survives: crashes, full and failing disks, flipped bits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::recovery::HEADER;
use super::{FileMemory, SimulatedDisk};
use crate::contract::model::{Model, apply, transactions};
use crate::contract::random::Random;
use crate::{Keep, Key, Memory, MemoryError, Op, Transaction, Verdict};

/// As small as it can be, so that compactions happen all the time.
const SLACK: u64 = 512;
const LOG: &str = "00000000000000000001.log";

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn put(name: &str, value: &str) -> Transaction {
    Transaction { checks: Vec::new(), ops: vec![Op::put(key(name), value.as_bytes().to_vec())] }
}

fn open(disk: &SimulatedDisk) -> Result<FileMemory, MemoryError> {
    FileMemory::open_on(Arc::new(disk.clone()), SLACK)
}

async fn contents(memory: &FileMemory) -> Result<Model, MemoryError> {
    Ok(memory.snapshot("").await?.into_iter().collect())
}

/// The states that memory went through since it was opened, and the earliest that may be found after a crash.
struct History {
    states: Vec<Model>,
    floor: usize,
}

/// Writes at random until the power goes or enough is written.
async fn live(memory: &FileMemory, history: &mut History, random: &mut Random) {
    for _ in 0..60 {
        let mut state = history.states.last().unwrap().clone();
        let transactions = transactions(random, &state);
        let keep = if random.below(3) == 0 { Keep::Durable } else { Keep::Written };
        let expected: Vec<_> = transactions.iter().map(|transaction| apply(&mut state, transaction)).collect();
        let is_written =
            |(transaction, verdict): (&Transaction, &Verdict)| *verdict == Verdict::Written && !transaction.ops.is_empty();
        let writes = transactions.iter().zip(&expected).any(is_written);
        history.states.push(state);
        match memory.commit(&transactions, keep).await {
            Ok(verdicts) => assert_eq!(verdicts, expected),
            // It may be written all the same: nobody knows.
            Err(_) => return,
        }
        if writes && keep == Keep::Durable {
            history.floor = history.states.len() - 1;
        }
    }
}

async fn survives_crashes(seed: u64) {
    let mut random = Random::seeded(seed);
    let mut disk = SimulatedDisk::new();
    let mut history = History { states: vec![Model::new()], floor: 0 };
    for life in 0..5 {
        disk.power_off_after(random.below(400));
        if let Ok(memory) = open(&disk)
            && let Ok(found) = contents(&memory).await
        {
            let place = history.states.iter().rposition(|state| *state == found);
            assert!(place.is_some(), "seed {seed}, life {life}: what is found is no state that there ever was: {found:?}");
            assert!(place >= Some(history.floor), "seed {seed}, life {life}: something acknowledged as durable is lost");
            history = History { states: vec![found], floor: 0 };
            live(&memory, &mut history, &mut random).await;
        }
        disk = disk.crash(random.next());
    }
}

#[tokio::test]
async fn what_is_acknowledged_as_durable_survives_any_crash() {
    let seeds = if std::env::var_os("SKREAVER_SOAK").is_some() { 20_000 } else { 300 };
    for seed in 0..seeds {
        survives_crashes(seed).await;
    }
}

#[tokio::test]
async fn a_flipped_bit_is_found_and_everything_before_it_kept() {
    let disk = SimulatedDisk::new();
    let memory = open(&disk).unwrap();
    let mut states = vec![Model::new()];
    for number in 0..5 {
        memory.commit(&[put(&format!("k{number}"), "value")], Keep::Durable).await.unwrap();
        states.push(contents(&memory).await.unwrap());
    }
    drop(memory);
    let size = disk.files()[0].1;
    let record = (size - HEADER as usize) / 5;
    for at in 0..size {
        let disk = disk.crash(0);
        assert!(disk.flip(LOG, at));
        let memory = open(&disk).unwrap();
        let damage = memory.damage().unwrap_or_else(|| panic!("a flip at byte {at} is not found")).clone();
        let kept = at.checked_sub(HEADER as usize).map_or(0, |at| at / record);
        assert_eq!(contents(&memory).await.unwrap(), states[kept], "byte {at}: {damage:?}");
        let aside: usize = disk.files().iter().filter(|(name, _)| damage.files.contains(name)).map(|(_, size)| size).sum();
        assert_eq!(damage.bytes as usize, aside, "what is moved aside is all there");
        memory.commit(&[put("after", "1")], Keep::Durable).await.unwrap();
        drop(memory);
        let memory = open(&disk).unwrap();
        assert_eq!((memory.damage(), contents(&memory).await.unwrap().len()), (None, kept + 1));
    }
}

#[tokio::test]
async fn what_lies_behind_damage_is_moved_aside_too() {
    let disk = SimulatedDisk::new();
    let memory = open(&disk).unwrap();
    memory.put(key("a"), "1".into()).await.unwrap();
    memory.put(key("b"), "1".into()).await.unwrap();
    // So that the file cannot be compacted, and another one follows it.
    disk.flip(LOG, disk.files()[0].1 - 1);
    for _ in 0..20 {
        memory.put(key("changes"), "1".into()).await.unwrap();
    }
    drop(memory);
    let later = "00000000000000000002.log";
    assert!(disk.files().iter().any(|(name, size)| name == later && *size > HEADER as usize), "{:?}", disk.files());
    let memory = open(&disk).unwrap();
    let damage = memory.damage().unwrap();
    assert_eq!(damage.files, [format!("{later}.damaged"), format!("{LOG}.damaged")]);
    assert!(damage.problem.contains(LOG), "{}", damage.problem);
    assert_eq!(contents(&memory).await.unwrap(), Model::from([(key("a"), "1".into())]));
    memory.put(key("c"), "1".into()).await.unwrap();
    drop(memory);
    let memory = open(&disk).unwrap();
    assert_eq!((memory.damage(), contents(&memory).await.unwrap().len()), (None, 2));
}

#[tokio::test]
async fn a_value_that_changed_on_the_disk_is_not_given_out() {
    let disk = SimulatedDisk::new();
    let memory = open(&disk).unwrap();
    memory.put(key("a"), "value".into()).await.unwrap();
    disk.flip(LOG, disk.files()[0].1 - 1);
    let error = memory.get(&key("a")).await.unwrap_err();
    assert!(matches!(error, MemoryError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("the value of `a`"), "{error}");
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let disk = SimulatedDisk::new();
    let memory = open(&disk).unwrap();
    memory.put(key("a"), "1".into()).await.unwrap();
    disk.room(Some(400));
    // Small ones still fit where a large one of the same moment does not.
    let (small, large) = ([put("small", "1")], [put("large", &"x".repeat(1000))]);
    let (small, large) = futures::join!(memory.commit(&small, Keep::Durable), memory.commit(&large, Keep::Durable));
    assert_eq!(small.unwrap(), [Verdict::Written]);
    assert!(matches!(large, Err(MemoryError::Full { .. })), "{large:?}");
    assert!(matches!(memory.put(key("large"), vec![0; 1000].into()).await, Err(MemoryError::Full { .. })));
    memory.health().await.unwrap();
    let before = contents(&memory).await.unwrap();
    assert_eq!(before.len(), 2);
    disk.room(None);
    memory.put(key("large"), vec![0; 1000].into()).await.unwrap();
    drop(memory);
    let memory = open(&disk).unwrap();
    assert_eq!((memory.damage(), contents(&memory).await.unwrap().len()), (None, 3));
}

#[tokio::test]
async fn a_failed_fsync_is_not_tried_again() {
    let disk = SimulatedDisk::new();
    let memory = open(&disk).unwrap();
    memory.commit(&[put("a", "1")], Keep::Durable).await.unwrap();
    disk.fail_next_sync();
    memory.commit(&[put("b", "1")], Keep::Durable).await.unwrap_err();
    let refused = memory.commit(&[put("c", "1")], Keep::Durable).await.unwrap_err();
    assert!(std::error::Error::source(&refused).unwrap().to_string().contains("fsync"), "{refused:?}");
    memory.health().await.unwrap_err();
    assert_eq!(memory.get(&key("a")).await.unwrap(), Some("1".into()), "it can still be read");
    drop(memory);
    let memory = open(&disk.crash(3)).unwrap();
    assert_eq!(contents(&memory).await.unwrap().into_keys().collect::<Vec<_>>(), [key("a")]);
    memory.commit(&[put("c", "1")], Keep::Durable).await.unwrap();
}

#[tokio::test]
async fn concurrent_commits_share_an_fsync() {
    let disk = SimulatedDisk::new();
    let memory = open(&disk).unwrap();
    disk.sync_takes(Duration::from_millis(20));
    let before = disk.syncs();
    let transactions: Vec<_> = (0..31).map(|number| [put(&format!("k{number}"), "1")]).collect();
    let commits = transactions.iter().map(|transactions| memory.commit(transactions, Keep::Durable));
    assert!(join_all(commits).await.into_iter().all(|verdicts| verdicts.unwrap() == [Verdict::Written]));
    // The first may go alone; all that came meanwhile go together.
    assert!(disk.syncs() - before <= 2, "{} fsyncs", disk.syncs() - before);
}

#[tokio::test]
async fn commits_that_need_no_fsync_wait_for_none() {
    let disk = SimulatedDisk::new();
    let memory = open(&disk).unwrap();
    disk.sync_takes(Duration::from_secs(2));
    let (durable, written) = ([put("durable", "1")], [put("written", "1")]);
    let begin = std::time::Instant::now();
    let durable = async { memory.commit(&durable, Keep::Durable).await.map(|_| begin.elapsed()) };
    let written = async { memory.commit(&written, Keep::Written).await.map(|_| begin.elapsed()) };
    let (durable, written) = futures::join!(durable, written);
    assert!(written.unwrap() < durable.unwrap() / 2);
}

#[tokio::test]
async fn garbage_is_thrown_away() {
    let disk = SimulatedDisk::new();
    let memory = open(&disk).unwrap();
    memory.put(key("stays"), "1".into()).await.unwrap();
    for number in 0..1000 {
        memory.put(key("changes"), format!("{number}").into()).await.unwrap();
    }
    drop(memory);
    let memory = open(&disk).unwrap();
    let found = contents(&memory).await.unwrap();
    assert_eq!(found, Model::from([(key("changes"), "999".into()), (key("stays"), "1".into())]));
    let size: usize = disk.files().iter().map(|(_, size)| size).sum();
    assert!(size < 4 * SLACK as usize, "{size} bytes are left: {:?}", disk.files());
}

#[tokio::test]
async fn a_newer_version_is_refused_and_left_alone() {
    let disk = SimulatedDisk::new();
    drop(open(&disk).unwrap());
    let file = super::Disk::open(&disk, LOG).unwrap();
    file.write(0, &super::recovery::header(2)).unwrap();
    let before = disk.files();
    let Err(refused) = open(&disk) else { panic!("it is opened") };
    assert!(matches!(refused, MemoryError::NewerSchema { found: 2, known: 1, .. }), "{refused}");
    assert_eq!(disk.files(), before);
}

#[test]
fn failures_are_told_apart() {
    use std::io::{Error, ErrorKind};
    let failed = |kind: ErrorKind| super::disk::failed("it", Error::from(kind));
    assert!(matches!(failed(ErrorKind::StorageFull), MemoryError::Full { .. }));
    assert!(matches!(failed(ErrorKind::ReadOnlyFilesystem), MemoryError::ReadOnly { .. }));
    assert!(matches!(failed(ErrorKind::PermissionDenied), MemoryError::ReadOnly { .. }));
    assert!(matches!(failed(ErrorKind::NotADirectory), MemoryError::Config { .. }));
    assert!(matches!(failed(ErrorKind::Other), MemoryError::Server { .. }));
}
