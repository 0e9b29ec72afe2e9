//! What was acknowledged is there after the process was killed (`kill -9`) at any moment.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use skreaver_memory::{FileMemory, Keep, Key, Memory, Op, Scan, SqliteMemory, Transaction};

const ROUNDS: usize = 20;
/// What tells the child that it is one, and what to write to: a backend and a path.
const CHILD: &str = "SKREAVER_TEST_KILLED";

async fn open(backend: &str, path: &Path) -> Arc<dyn Memory> {
    match backend {
        "file" => Arc::new(FileMemory::open(path, "quarry").await.unwrap()),
        "sqlite" => Arc::new(SqliteMemory::open(&path.join("memory.db"), "quarry").await.unwrap()),
        other => panic!("no backend `{other}`"),
    }
}

fn key(number: usize) -> Key {
    Key::parse(format!("n/{number:08}")).unwrap()
}

/// How many numbers there are, if none is missing.
async fn numbers(memory: &dyn Memory) -> usize {
    let entries = memory.scan(&Scan::prefix("n/", usize::MAX)).await.unwrap();
    for (number, (found, value)) in entries.iter().enumerate() {
        assert_eq!((found, value), (&key(number), &Bytes::from(number.to_string())), "a number is missing");
    }
    entries.len()
}

/// Not a test: what [`survives_kills`] starts and kills. Commits numbers for ever, and says each that was acknowledged.
#[tokio::test]
async fn child_that_is_killed() {
    let Some(told) = std::env::var(CHILD).ok() else { return };
    let (backend, path) = told.split_once(':').unwrap();
    let memory = open(backend, Path::new(path)).await;
    for number in numbers(&*memory).await.. {
        // Enough of it becomes garbage to be compacted now and then.
        let garbage = Op::put(Key::parse("garbage").unwrap(), vec![number as u8; 50_000]);
        let transaction = Transaction { checks: Vec::new(), ops: vec![Op::put(key(number), number.to_string()), garbage] };
        let keep = if number % 10 == 0 { Keep::Durable } else { Keep::Written };
        memory.commit(&[transaction], keep).await.unwrap();
        writeln!(std::io::stdout(), "\nacknowledged {number}").unwrap();
    }
}

async fn survives_kills(backend: &str) {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..ROUNDS {
        let told = format!("{backend}:{}", directory.path().display());
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::child_that_is_killed", "--nocapture"])
            .env(CHILD, told)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (says, said) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            let numbers =
                lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<usize>().ok());
            numbers.for_each(|number| says.send(number).unwrap());
        });
        let first = said.recv_timeout(Duration::from_secs(60)).unwrap();
        std::thread::sleep(Duration::from_micros(RandomState::new().hash_one(round) % 100_000));
        child.kill().unwrap();
        child.wait().unwrap();
        reader.join().unwrap();
        let acknowledged = said.iter().last().unwrap_or(first) + 1;
        let memory = open(backend, directory.path()).await;
        let found = numbers(&*memory).await;
        assert!(found >= acknowledged, "round {round}: {acknowledged} were acknowledged, {found} are there");
    }
}

#[tokio::test]
async fn files_survive_kills() {
    survives_kills("file").await;
}

#[tokio::test]
async fn sqlite_survives_kills() {
    survives_kills("sqlite").await;
}
