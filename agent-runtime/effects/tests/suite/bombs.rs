//! Content that is small on the wire and large when it is unpacked, or the other way round, ends bounded in time and memory.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use skreaver_effects::{Bounds, EffectError, http};
use skreaver_policy::bounds::Own;

use crate::support::{Loopback, answer, arguments, serve, soak};

/// As many zeros, compressed.
fn zeros(mebibytes: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..mebibytes {
        encoder.write_all(&[0; 1 << 20]).unwrap();
    }
    encoder.finish().unwrap()
}

/// The most memory that the process ever had, in KiB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

async fn unpack(coding: &'static str, sent: Vec<u8>) -> EffectError {
    let server = serve(move |_| answer(200, &[("content-encoding", coding)], &sent)).await;
    let network = Loopback::new(server, server);
    let bounds = Bounds::new(Own::default(), []);
    http::get(&network.guard(), &bounds, arguments(json!({"url": "http://honest.example/"}))).await.unwrap_err()
}

#[tokio::test]
async fn a_bomb_goes_off_in_a_bounded_room() {
    let bomb = zeros(if soak() { 1024 } else { 256 });
    let nested = {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bomb).unwrap();
        encoder.finish().unwrap()
    };
    let nothing = zeros(0).repeat((9 << 20) / 20);
    let (before, begun) = (peak(), Instant::now());
    assert!(matches!(unpack("gzip", bomb).await, EffectError::TooLarge { .. }));
    // One bomb in another is refused by its name, and what was not asked for as well.
    assert!(matches!(unpack("gzip, gzip", nested).await, EffectError::Broken { .. }));
    // Members without content, without end: each costs time, and nothing ever comes out.
    assert!(matches!(unpack("gzip", nothing).await, EffectError::Broken { .. }));
    // Other tests of this process take memory as well: what matters is that it is not what was packed.
    let grown = (peak() - before) >> 10;
    println!("bombs: {} MiB more memory at most, {:?}", grown, begun.elapsed());
    assert!(grown < 192, "{grown} MiB");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}
