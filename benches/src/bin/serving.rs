//! Start, memory and observes for each second of CPU of the agent-runtime, beside a bare axum handler in the same rounds.
//!
//! Usage: serving FOLDER, where FOLDER holds the release programs `agent-runtime` and `floor`. Needs wrk.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use skreaver_benches::{Server, median};

const ROUNDS: usize = 7;
const STARTS: usize = 21;
const CONFIG: &str = "agents:\n- {name: amber, tools: [{name: uppercase, type: Builtin}]}\n- {name: basalt}\n";
const SCRIPT: &str = "wrk.method = 'POST'\nwrk.body = '{\"input\": \"uppercase:hello world\"}'\nwrk.headers['Content-Type'] = 'application/json'\n";

struct Candidate<'a> {
    name: &'a str,
    program: PathBuf,
    args: Vec<String>,
    address: SocketAddr,
}

fn main() -> anyhow::Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).context("name the folder of the release programs")?);
    let work = tempfile::tempdir()?;
    let (config, script) = (work.path().join("config.yaml"), work.path().join("observe.lua"));
    fs::write(&config, CONFIG)?;
    fs::write(&script, SCRIPT)?;
    let candidates = [runtime(&folder, &config)?, floor(&folder)?];
    for candidate in &candidates {
        let (start, idle) = rest(candidate)?;
        println!("{:14} start to ready {start:6.2} ms (median of {STARTS}), idle {idle:.1} MiB after 3 s", candidate.name);
    }
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (candidate, rates) in candidates.iter().zip(&mut rates) {
            rates.push(observes_per_cpu_second(candidate, &script)?);
        }
    }
    let ratios = rates[0].iter().zip(&rates[1]).map(|(ours, floor)| ours / floor).collect();
    for (candidate, rates) in candidates.iter().zip(rates) {
        let (low, high) = rates.iter().fold((f64::MAX, 0.0_f64), |(low, high), rate| (low.min(*rate), high.max(*rate)));
        println!("{:14} {:8.0} observes a CPU second (median of {ROUNDS}, {low:.0} to {high:.0})", candidate.name, median(rates));
    }
    println!("ours / floor   {:.2} (median of the rounds' ratios)", median(ratios));
    Ok(())
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn runtime<'a>(folder: &Path, config: &Path) -> anyhow::Result<Candidate<'a>> {
    let (address, admin) = (free_address()?, free_address()?);
    let args =
        ["--config", &config.display().to_string(), "--listen", &address.to_string(), "--admin-listen", &admin.to_string()];
    let args = args.map(str::to_owned).to_vec();
    Ok(Candidate { name: "agent-runtime", program: folder.join("agent-runtime"), args, address })
}

fn floor<'a>(folder: &Path) -> anyhow::Result<Candidate<'a>> {
    let address = free_address()?;
    Ok(Candidate { name: "bare axum", program: folder.join("floor"), args: vec![address.to_string()], address })
}

fn start(candidate: &Candidate<'_>) -> anyhow::Result<Server> {
    let args: Vec<_> = candidate.args.iter().map(String::as_str).collect();
    Server::start(&candidate.program, &args, candidate.address)
}

/// Milliseconds from start to ready, and idle memory in MiB.
fn rest(candidate: &Candidate<'_>) -> anyhow::Result<(f64, f64)> {
    let starts =
        (0..STARTS).map(|_| Ok(start(candidate)?.started_in.as_secs_f64() * 1000.0)).collect::<anyhow::Result<Vec<_>>>()?;
    let server = start(candidate)?;
    std::thread::sleep(Duration::from_secs(3));
    Ok((median(starts), server.resident_kib()? as f64 / 1024.0))
}

/// Asks over 32 connections for five seconds, after one second of warming up.
fn observes_per_cpu_second(candidate: &Candidate<'_>, script: &Path) -> anyhow::Result<f64> {
    let server = start(candidate)?;
    load(&server, script, "1s")?;
    let before = server.cpu_seconds()?;
    let requests = load(&server, script, "5s")?;
    Ok(requests / (server.cpu_seconds()? - before))
}

/// Runs wrk; returns how many requests were answered. One answer that is not 200 spoils the round.
fn load(server: &Server, script: &Path, duration: &str) -> anyhow::Result<f64> {
    let url = format!("http://{}/agents/amber/observe", server.address);
    let output = Command::new("wrk").args(["-t1", "-c32", "-d", duration, "-s"]).arg(script).arg(url).output();
    let output = output.context("failed to run wrk; install the Debian package wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || text.contains("Non-2xx") || text.contains("Socket errors") {
        bail!("wrk: {text}{}", String::from_utf8_lossy(&output.stderr));
    }
    let count = text.lines().find_map(|line| line.trim().split_once(" requests in ")).context("wrk prints its count")?.0;
    Ok(count.parse()?)
}
