//! What memory in the process and in files costs through the trait, beside the maps of the standard library.
//!
//! Times are CPU time of the thread that asks, which neighbours hardly move. Only a store in files is wall-clock time: another
//! thread does its work.

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Bencher, Criterion, criterion_group, criterion_main};
use rustix::time::{ClockId, clock_gettime};
use skreaver::memory::{FileMemory, InMemory, Key, Memory};

const KEYS: usize = 1000;
const VALUE: [u8; 256] = [b'v'; 256];

fn keys() -> Vec<Key> {
    (0..KEYS).map(|number| Key::parse(format!("session/amber/{number:06}")).expect("it is a key")).collect()
}

/// CPU time of this thread so far.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Measures something that needs no runtime, key by key.
fn measure(bencher: &mut Bencher<'_>, keys: &[Key], mut once: impl FnMut(&Key)) {
    bencher.iter_custom(|times| {
        let begin = cpu();
        keys.iter().cycle().take(usize::try_from(times).unwrap_or(usize::MAX)).for_each(&mut once);
        cpu() - begin
    });
}

/// Measures a memory, key by key, without what it costs to enter and leave a runtime.
fn measure_memory(bencher: &mut Bencher<'_>, keys: &[Key], clock: impl Fn() -> Duration, once: impl AsyncFn(&Key)) {
    let tokio = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    bencher.iter_custom(|times| {
        tokio.block_on(async {
            let begin = clock();
            for key in keys.iter().cycle().take(usize::try_from(times).unwrap_or(usize::MAX)) {
                once(key).await;
            }
            clock() - begin
        })
    });
}

fn in_memory(criterion: &mut Criterion) {
    let keys = keys();
    let mut group = criterion.benchmark_group("memory");
    let mut hashed: HashMap<String, Bytes> = HashMap::new();
    let mut ordered: BTreeMap<String, Bytes> = BTreeMap::new();
    let memory: Box<dyn Memory> = Box::new(InMemory::new());
    group.bench_function("store, floor: HashMap", |bencher| {
        measure(bencher, &keys, |key| drop(hashed.insert(key.as_str().to_owned(), Bytes::copy_from_slice(&VALUE))));
    });
    group.bench_function("store, floor: BTreeMap", |bencher| {
        measure(bencher, &keys, |key| drop(ordered.insert(key.as_str().to_owned(), Bytes::copy_from_slice(&VALUE))));
    });
    group.bench_function("store, InMemory", |bencher| {
        measure_memory(bencher, &keys, cpu, async |key| {
            memory.put(key.clone(), Bytes::copy_from_slice(&VALUE)).await.expect("it is written");
        });
    });
    group.bench_function("load, floor: HashMap", |bencher| {
        measure(bencher, &keys, |key| drop(black_box(hashed.get(black_box(key.as_str())).cloned())));
    });
    group.bench_function("load, floor: BTreeMap", |bencher| {
        measure(bencher, &keys, |key| drop(black_box(ordered.get(black_box(key.as_str())).cloned())));
    });
    group.bench_function("load, InMemory", |bencher| {
        measure_memory(bencher, &keys, cpu, async |key| drop(black_box(memory.get(black_box(key)).await.expect("it is read"))));
    });
    group.finish();
}

fn file(criterion: &mut Criterion) {
    let keys = keys();
    let folder = tempfile::tempdir().expect("a folder");
    let tokio = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let memory = tokio.block_on(FileMemory::open(folder.path(), "amber")).expect("it is opened");
    let memory: Box<dyn Memory> = Box::new(memory);
    let begun = Instant::now();
    let wall = || begun.elapsed();
    let mut group = criterion.benchmark_group("memory");
    group.bench_function("store, File, not synced", |bencher| {
        measure_memory(bencher, &keys, wall, async |key| {
            memory.put(key.clone(), Bytes::copy_from_slice(&VALUE)).await.expect("it is written");
        });
    });
    group.bench_function("load, File", |bencher| {
        measure_memory(bencher, &keys, cpu, async |key| drop(black_box(memory.get(black_box(key)).await.expect("it is read"))));
    });
    group.finish();
}

criterion_group!(benches, in_memory, file);
criterion_main!(benches);
