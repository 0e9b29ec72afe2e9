//! The workers of a program: no more than so many, started when they are needed.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;
use skreaver_policy::Permit;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::frame::{Request, framed};
use super::process::{Ended, Worker};
use super::start::Starter;
use super::{Limits, Program};
use crate::nesting::{MOST_NESTED, is_deeper};
use crate::{Isolation, Limit, Tool, ToolError};

/// The workers of a program.
pub struct Pool {
    starter: Starter,
    limits: Limits,
    size: usize,
    /// One for each worker that may be busy.
    places: Semaphore,
    idle: Arc<Idle>,
}

/// The workers that are not busy.
#[derive(Default)]
pub(super) struct Idle(Mutex<Vec<Worker>>);

impl Idle {
    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    /// A pool of 4 workers with the usual limits.
    ///
    /// # Errors
    /// Those of [`Pool::new`].
    pub fn usual(program: Program) -> io::Result<Arc<Self>> {
        Self::new(program, 4, Limits::usual())
    }

    /// A pool of at most so many workers, at least one. None is started before it is needed, and one that nobody needs ends.
    ///
    /// # Errors
    /// When the thread that starts workers cannot be made.
    pub fn new(_: Program, size: usize, limits: Limits) -> io::Result<Arc<Self>> {
        let size = size.clamp(1, Semaphore::MAX_PERMITS);
        let idle = Arc::<Idle>::default();
        let (starter, places) = (Starter::new(Arc::clone(&idle))?, Semaphore::new(size));
        Ok(Arc::new(Self { starter, limits, size, places, idle }))
    }

    /// The tool as it was, or where it wants to be isolated, the same tool with its work done by workers.
    pub fn isolate(self: &Arc<Self>, tool: Arc<dyn Tool>) -> Arc<dyn Tool> {
        match tool.isolation() {
            Isolation::InProcess => tool,
            Isolation::Worker(function) => Arc::new(Isolated { tool, function, pool: Arc::clone(self) }),
        }
    }

    /// Calls a function in a worker, within the pool's limits. Dropped, it stops the worker.
    ///
    /// # Errors
    /// Those of the function, and [`ToolError::Stopped`].
    pub async fn call(&self, function: &str, arguments: Value) -> Result<Value, ToolError> {
        self.call_within(self.limits, function, arguments).await
    }

    /// The same within other limits.
    ///
    /// # Errors
    /// Those of the function, and [`ToolError::Stopped`].
    pub async fn call_within(&self, limits: Limits, function: &str, arguments: Value) -> Result<Value, ToolError> {
        let until = Instant::now() + limits.time;
        if is_deeper(&arguments, MOST_NESTED + 1) {
            return Err(ToolError::InvalidArguments(format!("the arguments nest deeper than {MOST_NESTED} levels")));
        }
        let request = framed(&Request { function: function.to_owned(), arguments }).map_err(|error| failed(&error))?;
        let busy = |_| ToolError::Stopped(Limit::Busy(self.size));
        let _place = timeout_at(until, self.places.acquire()).await.map_err(busy)?.map_err(|error| failed(&error))?;
        // Twice: one that was idle may have ended as it was asked.
        for _ in 0..2 {
            let worker =
                timeout_at(until, self.worker(limits)).await.map_err(|_| ToolError::Stopped(Limit::Time(limits.time)))?;
            let worker = worker.map_err(|error| failed(&error))?;
            let (result, worker) = match worker.ask(&request, until).await {
                Ended::Answered(value, worker) => (Ok(value), worker),
                Ended::Refused(error, worker) => (Err(error), worker),
                Ended::Absent => continue,
            };
            self.idle.lock().extend(worker);
            return result;
        }
        Err(ToolError::Stopped(Limit::Crash("it ended without an answer".to_owned())))
    }

    async fn worker(&self, limits: Limits) -> io::Result<Worker> {
        match self.idle_of(limits) {
            Some(worker) => Ok(worker),
            None => self.starter.start(limits).await,
        }
    }

    /// An idle worker with these limits. Where there is none, one with others makes room for the one to come.
    fn idle_of(&self, limits: Limits) -> Option<Worker> {
        let mut idle = self.idle.lock();
        idle.retain_mut(Worker::is_alive);
        let is_alike = |worker: &Worker| worker.limits.memory == limits.memory && worker.limits.cpu_seconds == limits.cpu_seconds;
        let Some(place) = idle.iter().rposition(is_alike) else {
            idle.truncate(self.places.available_permits());
            return None;
        };
        let mut worker = idle.remove(place);
        worker.limits = limits;
        Some(worker)
    }
}

fn failed(error: &dyn std::error::Error) -> ToolError {
    ToolError::Failed(format!("no worker could be asked: {error}"))
}

/// A tool whose work is done by workers.
struct Isolated {
    tool: Arc<dyn Tool>,
    function: &'static str,
    pool: Arc<Pool>,
}

#[async_trait]
impl Tool for Isolated {
    fn description(&self) -> &str {
        self.tool.description()
    }

    fn input_schema(&self) -> Value {
        self.tool.input_schema()
    }

    fn output_schema(&self) -> Option<Value> {
        self.tool.output_schema()
    }

    fn arguments_from_text(&self, text: &str) -> Value {
        self.tool.arguments_from_text(text)
    }

    fn is_idempotent(&self) -> bool {
        self.tool.is_idempotent()
    }

    async fn run(&self, permit: Permit, arguments: Value) -> Result<Value, ToolError> {
        let limits = self.pool.limits.within(&permit.bounds().limits());
        self.pool.call_within(limits, self.function, arguments).await
    }
}
