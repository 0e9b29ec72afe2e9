//! A runtime in processes of its own, over a memory of this machine or of a server.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use skreaver_memory::{Durability, Memory};
use skreaver_protocol::AgentName;
use skreaver_tests::binary;
use skreaver_tests::mortal::{Ledger, open};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::home::{Case, End, Home, Promise};

/// Who takes up what a dead process left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Companions {
    /// The next life.
    None,
    /// A process that shares its memory.
    One,
}

/// A runtime in processes of its own.
pub(crate) struct Process {
    agent: AgentName,
    store: String,
    durability: Durability,
    lease: Option<Duration>,
    seed: u64,
    companions: Companions,
    ledger: Ledger,
    folder: TempDir,
    /// The one that has an end, or none.
    mortal: Option<Child>,
    /// The one that takes over.
    other: Option<(Child, SocketAddr)>,
    /// Memory that is shared can be read before anybody takes over; to open it then would take too long.
    shared: Option<Arc<dyn Memory>>,
}

impl Process {
    pub(crate) fn with_files(case: &Case, durability: Durability) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = format!("file:{}", folder.path().join("memory").display());
        Self::new(case, store, durability, folder)
    }

    pub(crate) fn with_sqlite(case: &Case, durability: Durability) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = format!("sqlite:{}", folder.path().join("memory.db").display());
        Self::new(case, store, durability, folder)
    }

    /// Over a server, whose leases hold that long if not as long as they do in earnest.
    pub(crate) async fn with_server(case: &Case, url: String, lease: Option<Duration>, companions: Companions) -> Self {
        let process = Self::new(case, url, Durability::Durable, tempfile::tempdir().unwrap());
        let shared = Some(process.open().await);
        Self { lease, companions, shared, ..process }
    }

    fn new(case: &Case, store: String, durability: Durability, folder: TempDir) -> Self {
        Self {
            agent: AgentName::parse(format!("{}-{}", case.point.name(), case.seed)).unwrap(),
            store,
            durability,
            lease: None,
            seed: case.seed,
            companions: Companions::None,
            ledger: Ledger::open(&folder.path().join("ledger")).unwrap(),
            folder,
            mortal: None,
            other: None,
            shared: None,
        }
    }

    async fn open(&self) -> Arc<dyn Memory> {
        open(&self.store, &self.agent).await.unwrap()
    }

    async fn launch(&self, end: Option<End>) -> (Child, SocketAddr) {
        let mut command = Command::new(binary("mortal-runtime"));
        command.args(["--agent", self.agent.as_str(), "--store", &self.store, "--seed", &self.seed.to_string()]);
        command.arg("--ledger").arg(self.folder.path().join("ledger"));
        if self.durability == Durability::Buffered {
            command.arg("--buffered");
        }
        if let Some(lease) = self.lease {
            command.args(["--lease-ms", &lease.as_millis().to_string()]);
        }
        if let Some((point, passing)) = end {
            command.args(["--point", &point.name(), "--passing", &passing.to_string()]);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.next_line().await.unwrap().expect("the runtime prints its address");
        (child, address.parse().unwrap())
    }
}

impl Home for Process {
    fn promise(&self) -> Promise {
        Promise::AllWritten
    }

    fn agent(&self) -> &str {
        self.agent.as_str()
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn has_company(&self) -> bool {
        self.companions == Companions::One
    }

    async fn begin(&mut self, end: Option<End>) -> SocketAddr {
        if let Some((_, address)) = &self.other {
            return *address;
        }
        if self.companions == Companions::One {
            self.other = Some(self.launch(None).await);
        }
        let (child, address) = self.launch(end).await;
        self.mortal = Some(child);
        address
    }

    async fn end(&mut self) {
        match &mut self.mortal {
            Some(child) => {
                let status = child.wait().await.unwrap();
                let signal = std::os::unix::process::ExitStatusExt::signal(&status);
                assert_eq!(signal, Some(6), "it ends at its point and nowhere else: {status}");
                self.mortal = None;
            }
            // It has ended; who took over does not.
            None => std::future::pending().await,
        }
    }

    async fn kill(&mut self) {
        for mut child in self.mortal.take().into_iter().chain(self.other.take().map(|(child, _)| child)) {
            child.kill().await.unwrap();
        }
    }

    async fn left(&self) -> Arc<dyn Memory> {
        match &self.shared {
            Some(memory) => Arc::clone(memory),
            None => self.open().await,
        }
    }
}
