//! The connection: one, shared by all who ask, and made anew when it is lost.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind, Value, from_redis_value};
use tokio::time::{Instant, sleep};

use super::address::{Address, Place};
use super::dial::{Dialling, Wire, dialling};

/// How long we wait for a server that says it is not ready yet: it loads its data, or its Cluster elects a master.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
/// After how long at rest a connection is asked whether it still works: a server that was restarted is noticed before a
/// commit is lost on it.
const REST: Duration = Duration::from_secs(1);

/// Whether a command is sent again that may have been run already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It writes.
    Never,
    /// Once, on a new connection: it reads.
    AfterLoss,
}

/// The connection to a server or Cluster.
pub(super) struct Link {
    address: Arc<Address>,
    current: Mutex<Current>,
}

struct Current {
    dialling: Dialling,
    used: Instant,
}

impl Link {
    /// Dials when it is first asked.
    pub(super) fn to(address: Address) -> Self {
        let address = Arc::new(address);
        Self { current: Mutex::new(Current { dialling: dialling(&address), used: Instant::now() }), address }
    }

    /// Sends a command, and gives its answer. Waits where the server says that it has not run it, and will.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd, mut repeat: Repeat) -> RedisResult<T> {
        if repeat == Repeat::Never && self.has_rested() {
            // If it is lost, the command finds a new one.
            let _ = self.send(&redis::cmd("PING")).await;
        }
        let give_up = Instant::now() + PATIENCE;
        loop {
            let error = match self.send(command).await {
                Ok(value) => return Ok(from_redis_value(value)?),
                Err(error) => error,
            };
            if self.is_passing(&error) && Instant::now() < give_up {
                sleep(PAUSE).await;
            } else if repeat == Repeat::AfterLoss && is_lost(&error) && !error.is_timeout() {
                repeat = Repeat::Never;
            } else {
                return Err(error);
            }
        }
    }

    /// The answer of every node of a Cluster, and that of the server otherwise.
    pub(super) async fn ask_all(&self, command: &Cmd) -> RedisResult<Vec<Value>> {
        let (_, wire) = self.wire().await?;
        let Wire::Cluster(mut cluster) = wire else { return Ok(vec![self.ask(command, Repeat::AfterLoss).await?]) };
        let to = |nodes| RoutingInfo::MultiNode((nodes, None));
        let answers = match cluster.route_command(command.clone(), to(MultipleNodeRoutingInfo::AllNodes)).await {
            // A replica may be down; what is then known are those that have the data now.
            Err(error) if is_lost(&error) => {
                cluster.route_command(command.clone(), to(MultipleNodeRoutingInfo::AllMasters)).await?
            }
            answers => answers?,
        };
        match answers {
            Value::Map(answers) => answers.into_iter().map(|(_, answer)| answer.extract_error()).collect(),
            other => Ok(vec![other]),
        }
    }

    async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let (dialling, wire) = self.wire().await?;
        let (answer, is_spent) = match wire {
            Wire::Server(mut server) => {
                let answer = server.req_packed_command(command).await.and_then(Value::extract_error);
                let is_spent = answer.as_ref().is_err_and(|error| is_lost(error) || is_read_only(error));
                (answer, is_spent)
            }
            Wire::Cluster(mut cluster) => (cluster.req_packed_command(command).await.and_then(Value::extract_error), false),
        };
        if is_spent {
            self.redial(&dialling);
        }
        answer
    }

    async fn wire(&self) -> RedisResult<(Dialling, Wire)> {
        let dialling = {
            let mut current = self.current();
            current.used = Instant::now();
            current.dialling.clone()
        };
        match dialling.clone().await {
            Ok(wire) => Ok((dialling, wire)),
            Err(error) => {
                self.redial(&dialling);
                Err(error)
            }
        }
    }

    /// Puts a new connection in the place of this one, if nobody has yet.
    fn redial(&self, old: &Dialling) {
        let mut current = self.current();
        if current.dialling.ptr_eq(old) {
            current.dialling = dialling(&self.address);
        }
    }

    /// A Cluster's connections look after themselves.
    fn has_rested(&self) -> bool {
        match self.address.place {
            Place::Server(_) | Place::Sentinel { .. } => self.current().used.elapsed() > REST,
            Place::Cluster(_) => false,
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the command was not run, and is likely to be soon.
    fn is_passing(&self, error: &RedisError) -> bool {
        let elects = match self.address.place {
            Place::Server(_) => false,
            Place::Sentinel { .. } | Place::Cluster(_) => true,
        };
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::BusyLoading) => true,
            ErrorKind::Server(
                ServerErrorKind::Moved
                | ServerErrorKind::Ask
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly,
            )
            | ErrorKind::ClusterConnectionNotFound
            | ErrorKind::MasterNameNotFoundBySentinel => elects,
            _ => false,
        }
    }
}

/// Whether a connection is of no use any more.
fn is_lost(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error()
}

/// Whether a server is a replica, perhaps since a moment ago: its name may lead to another one by now.
fn is_read_only(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}
