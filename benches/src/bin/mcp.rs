//! Tool calls over MCP for each second of CPU: ours, a plain server of the same SDK, a bare JSON echo, and the official servers in
//! TypeScript and Python where they are installed, in the same rounds.
//!
//! Usage: mcp FOLDER [PEERS], where FOLDER holds the release programs `agent-runtime` and `mcp-floor`, and PEERS what
//! `benches/peers/run` installs. Needs wrk.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use skreaver_benches::{Candidate, Load, free_address, median, range};
use skreaver_tests::root;

const ROUNDS: usize = 5;
const CONNECTIONS: u32 = 16;
const CONFIG: &str = "agents:\n- {name: amber, tools: [{name: uppercase, source: {type: Builtin}}]}\n";

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1).map(PathBuf::from);
    let folder = args.next().context("name the folder of the release programs")?;
    let work = tempfile::tempdir()?;
    let config = work.path().join("config.yaml");
    fs::write(&config, CONFIG)?;
    let (ours, admin, plain, echo) = (free_address()?, free_address()?, free_address()?, free_address()?);
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "uppercase", "arguments": { "text": "hello world" } }
    });
    let load = |path: &str| {
        let headers = [("accept", "application/json, text/event-stream"), ("mcp-protocol-version", "2025-11-25")];
        Load::post(path, &headers, &call.to_string(), "HELLO WORLD")
    };
    let runtime = Candidate::new("agent-runtime", folder.join("agent-runtime"), ours)
        .args(["--config".into(), config.into_os_string()])
        .args(["--listen", &ours.to_string(), "--admin-listen", &admin.to_string()]);
    let floor = folder.join("mcp-floor");
    let mut candidates = vec![
        (runtime, load("/mcp")?),
        (Candidate::new("plain rmcp", &floor, plain).args([plain.to_string()]), load("/mcp")?),
        (Candidate::new("bare JSON echo", &floor, echo).args([echo.to_string()]), load("/echo")?),
    ];
    if let Some(peers) = args.next() {
        let scripts = root().join("benches/peers/mcp");
        for (name, program, script) in [
            ("TypeScript SDK", PathBuf::from("node"), peers.join("mcp-typescript/server.mjs")),
            ("Python SDK", peers.join("mcp/bin/python"), scripts.join("server.py")),
        ] {
            let address = free_address()?;
            let peer = Candidate::new(name, program, address).args([script]).args([address.port().to_string()]);
            candidates.push((peer, load("/mcp")?));
        }
    }
    measure(&candidates)
}

fn measure(candidates: &[(Candidate, Load)]) -> anyhow::Result<()> {
    let mut rates = vec![Vec::new(); candidates.len()];
    for _ in 0..ROUNDS {
        for ((candidate, load), rates) in candidates.iter().zip(&mut rates) {
            let server = candidate.start()?;
            rates.push(load.cpu_seconds_per_answer(&server, CONNECTIONS, Duration::from_secs(4))?.recip());
        }
    }
    for ((candidate, _), others) in candidates.iter().zip(&rates) {
        let (low, high) = range(others);
        let ratio = median(rates[0].iter().zip(others).map(|(ours, other)| ours / other).collect());
        println!(
            "{:14} {:8.0} tools/call a CPU second (median of {ROUNDS}, {low:.0} to {high:.0}); ours / this {ratio:.2}",
            candidate.name,
            median(others.clone())
        );
    }
    Ok(())
}
