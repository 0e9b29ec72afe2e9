//! What a turn costs without its model's time: the CPU of the agent-runtime for two questions to a model and a tool call between
//! them, beside a bare axum handler that does the same, and beside Python frameworks where they are installed.
//!
//! Usage: turns FOLDER [PEERS], where FOLDER holds the release programs, and PEERS what `benches/peers/run` installed. Needs wrk.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use skreaver_benches::{Candidate, Load, free_address, median, range};

const ROUNDS: usize = 9;
/// Python's figures are so far away that fewer do.
const PEER_ROUNDS: usize = 3;
const CONNECTIONS: u32 = 16;
const LENGTH: Duration = Duration::from_secs(4);

/// Their names, the environments that they are installed in, and their modules.
const PEERS: [(&str, &str, &str); 4] = [
    ("LangGraph", "most", "langgraph_agent"),
    ("OpenAI Agents", "most", "openai_agent"),
    ("Pydantic-AI", "most", "pydantic_agent"),
    ("ADK", "adk", "adk_agent"),
];

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1).map(PathBuf::from);
    let folder = args.next().context("name the folder of the release programs")?;
    let model = free_address()?;
    let _model = Candidate::new("the model", folder.join("quick-model"), model).args([model.to_string()]).start()?;
    let base = format!("http://{model}/v1");
    let work = tempfile::tempdir()?;
    let load = Load::new("amber", "what is 2+3?", "The sum is 5.")?;
    let [floor, ours] = [floor(&folder, &base)?, runtime(&folder, &base, work.path())?];

    let mut cost = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        // In turn the first and the second: a neighbour's load that comes or goes is nobody's fault.
        for place in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
            cost[place].push(microseconds([&floor, &ours][place], &load)?);
        }
    }
    let differences: Vec<_> = cost[1].iter().zip(&cost[0]).map(|(ours, floor)| ours - floor).collect();
    for (candidate, cost) in [&floor, &ours].into_iter().zip(&cost) {
        print(&candidate.name, cost);
    }
    print("ours - floor", &differences);
    let ours = median(cost.into_iter().next_back().unwrap_or_default());

    let Some(peers) = args.next() else { return Ok(()) };
    for (name, environment, module) in PEERS {
        let peer = peer(name, &peers.join(environment), module, &base)?;
        let cost = (0..PEER_ROUNDS).map(|_| microseconds(&peer, &load)).collect::<anyhow::Result<Vec<_>>>()?;
        print(name, &cost);
        println!("{:14} {:8.0} times the CPU of ours", "", median(cost) / ours);
    }
    Ok(())
}

/// Microseconds of CPU for a turn.
fn microseconds(candidate: &Candidate, load: &Load) -> anyhow::Result<f64> {
    let cost = load.cpu_seconds_per_answer(&candidate.start()?, CONNECTIONS, LENGTH);
    Ok(cost.with_context(|| format!("failed to measure {}", candidate.name))? * 1e6)
}

fn print(name: &str, cost: &[f64]) {
    let ((low, high), rounds) = (range(cost), cost.len());
    println!("{name:14} {:8.1} us of CPU a turn (median of {rounds}, {low:.1} to {high:.1})", median(cost.to_vec()));
}

fn floor(folder: &Path, base: &str) -> anyhow::Result<Candidate> {
    let address = free_address()?;
    Ok(Candidate::new("bare axum", folder.join("turn-floor"), address).args([&address.to_string(), base]))
}

fn runtime(folder: &Path, base: &str, work: &Path) -> anyhow::Result<Candidate> {
    let (address, admin, config) = (free_address()?, free_address()?, work.join("config.yaml"));
    let model = format!("{{provider: OpenAICompatible, name: quick, baseURL: '{base}', timeout: 10s, maxAttempts: 1}}");
    let agent = "name: amber, instructions: Use the tool., tools: [{name: add, source: {type: Builtin}}]";
    fs::write(&config, format!("agents:\n- {{{agent}, models: [{model}]}}\n"))?;
    let listen = listen(address, admin);
    Ok(Candidate::new("agent-runtime", folder.join("agent-runtime"), address)
        .args(["--config".into(), config.into_os_string()])
        .args(listen))
}

fn listen(address: SocketAddr, admin: SocketAddr) -> [String; 4] {
    ["--listen".into(), address.to_string(), "--admin-listen".into(), admin.to_string()]
}

/// One process of uvicorn, as the frameworks' own guides start it.
fn peer(name: &str, environment: &Path, module: &str, base: &str) -> anyhow::Result<Candidate> {
    let (address, servers) = (free_address()?, Path::new(env!("CARGO_MANIFEST_DIR")).join("peers"));
    Ok(Candidate::new(name, "/usr/bin/env", address)
        .args([format!("MODEL_URL={base}").into(), environment.join("bin/python").into_os_string()])
        .args(["-m", "uvicorn", "--no-access-log", "--log-level=warning", "--app-dir"])
        .args([servers.into_os_string(), format!("{module}:app").into(), "--port".into(), address.port().to_string().into()]))
}
