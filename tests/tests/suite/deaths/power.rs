//! A runtime on a machine whose power goes: its disk keeps what was synced, and of the rest what chance has it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use skreaver::{Listeners, serve};
use skreaver_memory::file::SimulatedDisk;
use skreaver_memory::{Durability, FileMemory, Memory};
use skreaver_protocol::AgentName;
use skreaver_tests::mortal::{Death, Ledger, Life, runtime};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::home::{Case, End, Home, Promise};

/// A runtime on a machine whose power goes.
pub(crate) struct Power {
    agent: AgentName,
    durability: Durability,
    seed: u64,
    ledger: Arc<Ledger>,
    _folder: TempDir,
    disk: SimulatedDisk,
    /// The disk as it is found after the power went, and who waits for that.
    found: Arc<(Mutex<Option<SimulatedDisk>>, Notify)>,
    /// All that runs on the machine; it ends in the middle of everything.
    machine: Option<Runtime>,
}

impl Power {
    pub(crate) fn new(case: &Case, durability: Durability) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            agent: AgentName::parse(format!("{}-{}", case.point.name(), case.seed)).unwrap(),
            durability,
            seed: case.seed,
            ledger: Arc::new(Ledger::open(&folder.path().join("ledger")).unwrap()),
            _folder: folder,
            disk: SimulatedDisk::new(),
            found: Arc::default(),
            machine: None,
        }
    }

    /// Every second disk is compacted at each occasion.
    fn open(&self) -> FileMemory {
        let slack = if self.seed.is_multiple_of(2) { 4 << 20 } else { 0 };
        FileMemory::open_on(Arc::new(self.disk.clone()), slack).unwrap()
    }

    /// Lets the power go, now. Whatever else is about to be done finds no disk any more.
    fn cut(&self) -> impl Fn() + Send + Sync + 'static {
        let (disk, seed, found) = (self.disk.clone(), self.seed, Arc::clone(&self.found));
        move || {
            found.0.lock().unwrap().get_or_insert_with(|| disk.crash(seed));
            found.1.notify_one();
        }
    }

    async fn rest(&mut self) {
        if let Some(machine) = self.machine.take() {
            tokio::task::spawn_blocking(move || machine.shutdown_timeout(Duration::from_secs(10))).await.unwrap();
        }
        self.disk = self.found.0.lock().unwrap().take().unwrap();
    }
}

impl Home for Power {
    fn promise(&self) -> Promise {
        match self.durability {
            Durability::Durable => Promise::AllPromised,
            Durability::Buffered | Durability::Ephemeral => Promise::Nothing,
        }
    }

    fn agent(&self) -> &str {
        self.agent.as_str()
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn has_company(&self) -> bool {
        false
    }

    async fn begin(&mut self, end: Option<End>) -> SocketAddr {
        let life = Life {
            agent: self.agent.clone(),
            memory: Arc::new(self.open()),
            durability: self.durability,
            lease: None,
            ledger: Arc::clone(&self.ledger),
            seed: self.seed,
            death: end.map_or_else(Death::never, |(point, passing)| Death::at(point, passing, self.cut())),
        };
        let machine = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        // Bound here, so that the address is known; served there.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        machine.spawn(async move {
            let listeners = Listeners { api: TcpListener::from_std(listener).unwrap(), admin: None };
            serve(Arc::new(runtime(life)), listeners, CancellationToken::new(), Duration::ZERO).await
        });
        self.machine = Some(machine);
        address
    }

    async fn end(&mut self) {
        self.found.1.notified().await;
        self.rest().await;
    }

    async fn kill(&mut self) {
        self.cut()();
        self.found.1.notified().await;
        self.rest().await;
    }

    async fn left(&self) -> Arc<dyn Memory> {
        Arc::new(self.open())
    }
}

impl Drop for Power {
    fn drop(&mut self) {
        if let Some(machine) = self.machine.take() {
            machine.shutdown_background();
        }
    }
}
