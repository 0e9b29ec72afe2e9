//! How often an acknowledged run waits for the disk, and how many runs share one wait: fsyncs of the process that keeps the
//! memory, counted by strace while wrk observes.
//!
//! Usage: durable FOLDER, where FOLDER holds the release programs. Needs wrk and strace; redis-server where there is one.

use std::ffi::OsString;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use skreaver_benches::{Candidate, Load, Server, free_address, median};

const LENGTH: Duration = Duration::from_secs(4);
/// What strace adds to each fsync where the disk is to be as slow as a usual one, in microseconds.
const SLOW: u32 = 4000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backend {
    File,
    Sqlite,
    Redis,
}

/// Whether the tool may be called twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ToolKind {
    Idempotent,
    Once,
}

/// What is added to each fsync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disk {
    AsItIs,
    Slow,
}

fn main() -> anyhow::Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).context("name the folder of the release programs")?);
    let model = free_address()?;
    let _model = Candidate::new("the model", folder.join("quick-model"), model).args([model.to_string()]).start()?;
    let bench = Bench { folder, model, load: Load::new("amber", "what is 2+3?", "The sum is 5.")? };
    println!("backend  tool        disk          clients  runs/s  fsyncs/run  runs/fsync  an fsync");
    for backend in [Backend::File, Backend::Sqlite, Backend::Redis] {
        if backend == Backend::Redis && Command::new("redis-server").arg("--version").output().is_err() {
            println!("Redis    left out: there is no redis-server");
            continue;
        }
        bench.measure(backend, ToolKind::Idempotent, Disk::AsItIs, &[1, 32, 256])?;
        bench.measure(backend, ToolKind::Idempotent, Disk::Slow, &[1, 32, 256])?;
        bench.measure(backend, ToolKind::Once, Disk::Slow, &[1])?;
    }
    Ok(())
}

struct Bench {
    folder: PathBuf,
    model: SocketAddr,
    load: Load,
}

impl Bench {
    fn measure(&self, backend: Backend, tool: ToolKind, disk: Disk, clients: &[u32]) -> anyhow::Result<()> {
        for clients in clients {
            let work = tempfile::Builder::new().prefix("durable-").tempdir_in(".")?;
            let trace = Trace { file: work.path().join("trace"), disk };
            let redis = (backend == Backend::Redis).then(|| Redis::start(work.path(), &trace)).transpose()?;
            let store = match (backend, &redis) {
                (Backend::Redis, Some(redis)) => format!("{{backend: Redis, url: '{}'}}", redis.url(work.path())?),
                (Backend::Sqlite, _) => format!("{{backend: SQLite, file: '{}/memory.db'}}", work.path().display()),
                (Backend::File | Backend::Redis, _) => format!("{{backend: File, directory: '{}'}}", work.path().display()),
            };
            let server = self.start(tool, &store, work.path(), redis.is_none().then_some(&trace))?;
            self.load.check(&server)?;
            let (before, begin) = (trace.fsyncs()?.len(), Instant::now());
            let runs = self.load.run(&server, *clients, LENGTH)?;
            let (fsyncs, rate) = (trace.fsyncs()?.split_off(before), runs / begin.elapsed().as_secs_f64());
            let (count, disk) = (fsyncs.len() as f64, if disk == Disk::Slow { "4 ms more" } else { "as it is" });
            println!(
                "{:8} {:11} {disk:12} {clients:8} {rate:7.0} {:11.2} {:11.1} {:6.1} ms",
                format!("{backend:?}"),
                format!("{tool:?}"),
                count / runs,
                runs / count,
                median(fsyncs) * 1e3,
            );
        }
        Ok(())
    }

    fn start(&self, tool: ToolKind, store: &str, work: &Path, trace: Option<&Trace>) -> anyhow::Result<Server> {
        let (address, admin, config) = (free_address()?, free_address()?, work.join("config.yaml"));
        let url = format!("http://{}/v1", self.model);
        let model = format!("{{provider: OpenAICompatible, name: quick, baseURL: '{url}', timeout: 10s, maxAttempts: 1}}");
        let agent = format!("name: amber, tools: [{{name: add, source: {{type: Builtin}}}}], models: [{model}]");
        let rest = format!("memory: {{store: {store}, durability: Durable}}, limits: {{concurrency: 1000}}");
        fs::write(&config, format!("agents:\n- {{{agent}, {rest}}}\n"))?;
        let (config, address_text) = (config.into_os_string(), address.to_string());
        let command: Vec<OsString> = match tool {
            ToolKind::Once => vec![self.folder.join("once").into(), config, address_text.into()],
            ToolKind::Idempotent => {
                let listen = ["--listen".into(), address_text.into(), "--admin-listen".into(), admin.to_string().into()];
                [vec![self.folder.join("agent-runtime").into(), "--config".into(), config], listen.into()].concat()
            }
        };
        let traced = [trace.map(Trace::command).unwrap_or_default(), command].concat();
        Candidate::new("agent-runtime", &traced[0], address).args(&traced[1..]).start()
    }
}

/// What strace writes down of a process.
struct Trace {
    file: PathBuf,
    disk: Disk,
}

impl Trace {
    /// What goes before the program. The program itself is our child then, and strace its grandchild; system calls of other
    /// kinds do not stop.
    fn command(&self) -> Vec<OsString> {
        let mut command: Vec<OsString> =
            ["strace", "-D", "-f", "-qq", "-T", "--seccomp-bpf", "--trace=fsync,fdatasync"].map(Into::into).into();
        if self.disk == Disk::Slow {
            command.push(format!("--inject=fsync,fdatasync:delay_exit={SLOW}").into());
        }
        command.extend(["-o".into(), self.file.clone().into_os_string()]);
        command
    }

    /// How long each fsync took so far, in seconds.
    fn fsyncs(&self) -> anyhow::Result<Vec<f64>> {
        let text = fs::read_to_string(&self.file)?;
        let taken = |line: &str| line.strip_suffix('>')?.rsplit_once('<')?.1.parse().ok();
        Ok(text.lines().filter_map(taken).collect())
    }
}

/// A Redis server that writes each command to the disk before it answers.
struct Redis {
    child: Child,
    address: SocketAddr,
}

impl Redis {
    fn start(work: &Path, trace: &Trace) -> anyhow::Result<Self> {
        let address = free_address()?;
        let command = trace.command();
        let mut redis = Command::new(&command[0]);
        redis.args(&command[1..]).args(["redis-server", "--bind", "127.0.0.1", "--port", &address.port().to_string()]);
        redis.args(["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--dir"]).arg(work);
        let child = redis.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("failed to start redis-server")?;
        let redis = Self { child, address };
        let give_up = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            if Instant::now() > give_up {
                bail!("redis-server does not come up");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(redis)
    }

    /// Where its URL is found.
    fn url(&self, work: &Path) -> anyhow::Result<String> {
        let file = work.join("url");
        fs::write(&file, format!("redis://{}", self.address))?;
        Ok(format!("file:{}", file.display()))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
