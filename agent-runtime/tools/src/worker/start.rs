//! Starts workers, all from one thread: the kernel ends a child that wants to end with its parent when the *thread* that
//! started it ends, and threads of a runtime may.

use std::io;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Limits;
use super::serve::arguments;

/// The file of the program that runs, even if another one has its name by now.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// The thread; it ends with this.
pub(super) struct Starter(mpsc::Sender<Order>);

struct Order {
    limits: Limits,
    runtime: Handle,
    started: oneshot::Sender<io::Result<Child>>,
}

impl Starter {
    pub(super) fn new() -> io::Result<Self> {
        let (orders, ordered) = mpsc::channel::<Order>();
        let work = move || {
            for Order { limits, runtime, started } in ordered {
                let _inside = runtime.enter();
                // Nobody may wait for it any more; then it is dropped, which ends it.
                drop(started.send(command(limits).spawn()));
            }
        };
        thread::Builder::new().name("starts-workers".to_owned()).spawn(work)?;
        Ok(Self(orders))
    }

    pub(super) async fn start(&self, limits: Limits) -> io::Result<Child> {
        let (started, child) = oneshot::channel();
        let lost = || io::Error::other("the thread that starts workers has ended");
        self.0.send(Order { limits, runtime: Handle::current(), started }).map_err(|_| lost())?;
        child.await.map_err(|_| lost())?
    }
}

fn command(limits: Limits) -> Command {
    let mut command = Command::new(THIS_PROGRAM);
    command.args(arguments(limits.memory, limits.cpu_seconds)).env_clear().current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Its own group: what is typed at a terminal is not for it.
    command.process_group(0).kill_on_drop(true);
    command
}
