//! Functions that compute without an end.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::hint::black_box;
use std::panic::{catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::functions;
use super::system::{IGNORED, SIGXCPU, getppid, signal};
use crate::case::Ending::{Cpu, Crash, Time};

functions! {
    spin: Time => loop { black_box(()); },
    spin_floats: Time => { let mut x = 0.1_f64; loop { x = black_box((x * 3.7).sin().exp()); } },
    spin_hashes: Time => { let mut hash = 1; loop { hash = hashed(black_box(hash)); } },
    spin_backtracking: Time => stars_match(&[b'a'; 64]).into(),
    spin_nested_loops: Time => (0..1 << 20).flat_map(|x| (0..1 << 20).map(move |y| black_box(x ^ y))).max().into(),
    spin_fibonacci: Time => fibonacci(90).into(),
    spin_subsets: Time => (0..1_u64 << 62).find(|subset| subset.count_ones() == black_box(63)).into(),
    spin_shuffle: Time => { let mut many = [0; 512]; loop { many.sort_by_key(|n: &u64| hashed(*n)); many[0] += 1; } },
    spin_texts: Time => { let mut n = 1_u64; loop { n = format!("{n:x}").bytes().map(u64::from).sum(); black_box(n); } },
    spin_clock: Time => { let start = Instant::now(); while start.elapsed() < Duration::MAX {} 0.into() },
    spin_yielding: Time => loop { thread::yield_now(); },
    spin_lock: Time => { let lock = AtomicBool::new(true); while lock.swap(true, Ordering::AcqRel) {} 0.into() },
    spin_channel: Time => { let (_sender, receiver) = mpsc::channel::<u8>(); while receiver.try_recv().is_err() {} 0.into() },
    spin_unwinding: Time => loop { drop(catch_unwind(|| resume_unwind(Box::new(())))); },
    use_up_cpu: Cpu => loop { black_box(()); },
    use_up_cpu_in_kernel: Cpu => loop { black_box(getppid()); },
    use_up_cpu_allocating: Cpu => loop { black_box(vec![1_u8; 1 << 20]); },
    use_up_cpu_deafly: Crash("signal: 9 (SIGKILL)") => { signal(SIGXCPU, IGNORED); loop { black_box(()); } },
}

fn hashed(number: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    number.hash(&mut hasher);
    hasher.finish()
}

/// `(a+)*b`, as it is matched by those who try every way.
fn stars_match(text: &[u8]) -> bool {
    let is_a = |part: &[u8]| part.iter().all(|byte| *byte == b'a');
    text == b"b" || (1..=text.len()).any(|end| is_a(&text[..end]) && stars_match(&text[end..]))
}

fn fibonacci(n: u64) -> u64 {
    if n < 2 { n } else { fibonacci(n - 1).wrapping_add(fibonacci(n - 2)) }
}
