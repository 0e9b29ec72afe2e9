//! Which workers of this process there are.

use std::fs;
use std::time::{Duration, Instant};

/// Waits until no worker is there, and says which are where that takes long.
pub(crate) async fn nobody() {
    let started = Instant::now();
    loop {
        let left = workers();
        if left.is_empty() {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(5), "workers are left over: {left:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The children of this process, dead or alive, and all that were started as a worker of it, whoever's children they are now.
fn workers() -> Vec<String> {
    let me = std::process::id().to_string();
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let folder = entry.ok()?.path();
        let status = fs::read_to_string(folder.join("status")).ok()?;
        let command = fs::read_to_string(folder.join("cmdline")).unwrap_or_default();
        let is_child = status.lines().any(|line| line.strip_prefix("PPid:").is_some_and(|parent| parent.trim() == me));
        let is_worker = command.split('\0').skip(1).take(2).eq(["--skreaver-worker", me.as_str()]);
        let name = status.lines().take(3).collect::<Vec<_>>().join(", ");
        (is_child || is_worker).then(|| format!("{} {name}", folder.display()))
    });
    processes.collect()
}
