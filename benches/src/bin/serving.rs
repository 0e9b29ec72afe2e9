//! Start, memory and observes for each second of CPU of the agent-runtime, beside a bare axum handler in the same rounds.
//!
//! Usage: serving FOLDER, where FOLDER holds the release programs `agent-runtime` and `floor`. Needs wrk.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use skreaver_benches::{Candidate, Load, free_address, median, range};

const ROUNDS: usize = 7;
const STARTS: usize = 21;
const CONNECTIONS: u32 = 32;
const CONFIG: &str = "agents:\n- {name: amber, tools: [{name: uppercase, source: {type: Builtin}}]}\n- {name: basalt}\n";

fn main() -> anyhow::Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).context("name the folder of the release programs")?);
    let work = tempfile::tempdir()?;
    let config = work.path().join("config.yaml");
    fs::write(&config, CONFIG)?;
    let (address, admin, floor) = (free_address()?, free_address()?, free_address()?);
    let candidates = [
        Candidate::new("agent-runtime", folder.join("agent-runtime"), address)
            .args(["--config".into(), config.into_os_string()])
            .args(["--listen", &address.to_string(), "--admin-listen", &admin.to_string()]),
        Candidate::new("bare axum", folder.join("floor"), floor).args([floor.to_string()]),
    ];
    for candidate in &candidates {
        let (start, idle) = rest(candidate)?;
        println!("{:14} start to ready {start:6.2} ms (median of {STARTS}), idle {idle:.1} MiB after 3 s", candidate.name);
    }
    let load = Load::new("amber", "uppercase:hello world", "HELLO WORLD")?;
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (candidate, rates) in candidates.iter().zip(&mut rates) {
            let server = candidate.start()?;
            rates.push(load.cpu_seconds_per_answer(&server, CONNECTIONS, Duration::from_secs(5))?.recip());
        }
    }
    let ratios = rates[0].iter().zip(&rates[1]).map(|(ours, floor)| ours / floor).collect();
    for (candidate, rates) in candidates.iter().zip(rates) {
        let (low, high) = range(&rates);
        println!("{:14} {:8.0} observes a CPU second (median of {ROUNDS}, {low:.0} to {high:.0})", candidate.name, median(rates));
    }
    println!("ours / floor   {:.2} (median of the rounds' ratios)", median(ratios));
    Ok(())
}

/// Milliseconds from start to ready, and idle memory in MiB.
fn rest(candidate: &Candidate) -> anyhow::Result<(f64, f64)> {
    let starts =
        (0..STARTS).map(|_| Ok(candidate.start()?.started_in.as_secs_f64() * 1000.0)).collect::<anyhow::Result<Vec<_>>>()?;
    let server = candidate.start()?;
    std::thread::sleep(Duration::from_secs(3));
    Ok((median(starts), server.resident_kib()? as f64 / 1024.0))
}
