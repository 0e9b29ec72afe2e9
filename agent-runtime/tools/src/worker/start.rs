//! Starts workers, all from one thread: the kernel ends a child that wants to end with its parent when the *thread* that
//! started it ends, and threads of a runtime may. The same thread buries those that ended because nobody needed them.

use std::io;
use std::process::Stdio;
use std::sync::mpsc::{self, Receiver, RecvError, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Limits;
use super::pool::Idle;
use super::process::Worker;
use super::serve::arguments;

/// The file of the program that runs, even if another one has its name by now.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// How often it is looked whether an idle worker has ended, as long as there is any worker.
const ROUND: Duration = Duration::from_secs(3);

/// The thread; it ends with this.
pub(super) struct Starter {
    orders: mpsc::Sender<Order>,
    /// Each worker has one too, so that it is known whether there is any.
    _alive: Arc<()>,
}

struct Order {
    limits: Limits,
    runtime: Handle,
    started: oneshot::Sender<io::Result<(Child, Arc<()>)>>,
}

impl Starter {
    pub(super) fn new(idle: Arc<Idle>) -> io::Result<Self> {
        let (orders, ordered) = mpsc::channel();
        let alive = Arc::new(());
        let known = Arc::downgrade(&alive);
        let work = move || {
            while let Ok(order) = next(&ordered, &known, &idle) {
                let Order { limits, runtime, started } = order;
                let Some(alive) = known.upgrade() else { break };
                let _inside = runtime.enter();
                // Nobody may wait for it any more; then it is dropped, which ends it.
                drop(started.send(command(limits).spawn().map(|child| (child, alive))));
            }
        };
        thread::Builder::new().name("starts-workers".to_owned()).spawn(work)?;
        Ok(Self { orders, _alive: alive })
    }

    pub(super) async fn start(&self, limits: Limits) -> io::Result<Worker> {
        let (started, child) = oneshot::channel();
        let lost = || io::Error::other("the thread that starts workers has ended");
        self.orders.send(Order { limits, runtime: Handle::current(), started }).map_err(|_| lost())?;
        let (child, alive) = child.await.map_err(|_| lost())??;
        Worker::new(child, limits, alive).ok_or_else(|| io::Error::other("a worker has no streams"))
    }
}

/// The next order. While there are workers, those that ended are buried meanwhile; otherwise the thread only sleeps.
fn next(ordered: &Receiver<Order>, alive: &Weak<()>, idle: &Idle) -> Result<Order, RecvError> {
    while alive.strong_count() > 1 {
        match ordered.recv_timeout(ROUND) {
            Ok(order) => return Ok(order),
            Err(RecvTimeoutError::Disconnected) => return Err(RecvError),
            Err(RecvTimeoutError::Timeout) => idle.lock().retain_mut(Worker::is_alive),
        }
    }
    ordered.recv()
}

fn command(limits: Limits) -> Command {
    let mut command = Command::new(THIS_PROGRAM);
    command.args(arguments(limits.memory, limits.cpu_seconds)).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Nothing else is asked for here, such as a folder: then the program would have to be copied to start another.
    // Its own group: what is typed at a terminal is not for it.
    command.process_group(0).kill_on_drop(true);
    command
}
