//! Hostile inputs and isolated tools, all through an agent's door, while another agent of the process goes on. Without the usual
//! harness, because this program has to become its own worker.

// Clippy knows tests by the usual harness.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod beside;
mod case;
mod documents;
mod functions;
mod judge;
mod left;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use skreaver::policy::Permit;
use skreaver::protocol::{Caller, ToolName, config::RuntimeConfig};
use skreaver::tools::worker::{Limits, Pool, Program};
use skreaver::tools::{Input, ToolCall};
use skreaver::{Runtime, Tool, ToolError};
use tokio::sync::oneshot;

use case::{Case, Ending};
use judge::Ended;

/// What a function may take that is to be stopped by another limit than that of time: the last of these is far away.
const LIMITS: Limits = Limits { time: Duration::from_secs(30), cpu_seconds: 1, memory: 64 << 20, output: 1 << 20 };
/// What each other call may take.
const SHORT: Limits = Limits { time: Duration::from_millis(400), ..LIMITS };
/// What reads a document may take.
const READING: Limits = Limits { time: Duration::from_secs(5), cpu_seconds: 5, ..LIMITS };
/// So many calls are made at a time, as many as there are workers: none waits for another.
const AT_A_TIME: usize = 4;

const NAME: &str = "hostile_inputs_and_tools_are_stopped_while_another_agent_goes_on";

fn main() {
    let program = functions::run_if_asked();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut words = arguments.iter().map(String::as_str);
    if arguments.iter().any(|argument| argument == "--list") {
        return println!("{NAME}: test");
    }
    let (mut wanted, mut any) = (false, false);
    while let Some(word) = words.next() {
        match word {
            "--skip" if words.next().is_some_and(|word| NAME.contains(word)) => return,
            "--test-threads" | "--format" | "--color" => drop(words.next()),
            word if word.starts_with('-') => {}
            word => (any, wanted) = (true, wanted || NAME.contains(word)),
        }
    }
    if any && !wanted {
        return;
    }
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    tokio.block_on(show(program));
    println!("test {NAME} ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n");
}

async fn show(program: Program) {
    let cases: Vec<Case> = functions::cases().chain(documents::cases()).collect();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "each case has a name of its own");
    let runtime = runtime(program, &cases);
    let (over, is_over) = oneshot::channel();
    let beside = tokio::spawn(beside::goes_on(Arc::clone(&runtime), is_over));
    let calls = cases.into_iter().enumerate().map(|(number, case)| tokio::spawn(attack(Arc::clone(&runtime), case, number)));
    let ended: Vec<Ended> = stream::iter(calls).buffer_unordered(AT_A_TIME).map(Result::unwrap).collect().await;
    // An agent that does not go on has ended this by a panic.
    let _ = over.send(());
    let answers = beside.await.unwrap();
    drop(runtime);
    left::nobody().await;
    judge::judge(&ended);
    answers.judge();
}

/// A tool of somebody's that is a function in a worker.
struct Isolated {
    pool: Arc<Pool>,
    function: &'static str,
    limits: Limits,
}

#[async_trait]
impl Tool for Isolated {
    fn description(&self) -> &str {
        "Does harm."
    }

    fn input_schema(&self) -> Value {
        json!({"type": "object"})
    }

    async fn run(&self, _: Permit, arguments: Value) -> Result<Value, ToolError> {
        self.pool.call_within(self.limits, self.function, arguments).await
    }
}

fn limits(case: &Case) -> Limits {
    match case.ending {
        _ if is_builtin(case) => READING,
        Ending::Time => SHORT,
        _ => LIMITS,
    }
}

fn is_builtin(case: &Case) -> bool {
    case.name != case.tool
}

/// An agent that has every tool there is a case of, and another one with honest work.
fn runtime(program: Program, cases: &[Case]) -> Arc<Runtime> {
    let listed = |names: BTreeSet<&str>| -> Vec<Value> {
        names.iter().map(|name| json!({"name": name, "source": {"type": "Builtin"}})).collect()
    };
    let tools = cases.iter().map(|case| case.tool).collect();
    let config: RuntimeConfig = serde_json::from_value(json!({"agents": [
        {"name": "prey", "tools": listed(tools)},
        {"name": "amber", "tools": listed(BTreeSet::from(["uppercase"]))},
    ]}))
    .unwrap();
    let pool = Pool::new(program, AT_A_TIME, READING).unwrap();
    let builder = Runtime::builder().config(config).workers(Arc::clone(&pool));
    let own = cases.iter().filter(|case| !is_builtin(case));
    let builder = own.fold(builder, |builder, case| {
        let tool = Isolated { pool: Arc::clone(&pool), function: case.tool, limits: limits(case) };
        builder.tool(ToolName::parse(case.tool).unwrap(), Arc::new(tool))
    });
    Arc::new(builder.build().unwrap())
}

async fn attack(runtime: Arc<Runtime>, case: Case, number: usize) -> Ended {
    let call = ToolCall {
        tool: case.tool.into(),
        input: Input::Arguments(case.arguments.clone()),
        caller: Caller::Anonymous,
        session: None,
        read: Some(BTreeSet::new()),
        id: format!("attack/{number}"),
        approved: None,
    };
    let prey = runtime.agent("prey").unwrap();
    let started = Instant::now();
    let outcome = prey.toolbox().call(call).await.map(drop);
    Ended { took: started.elapsed(), limits: limits(&case), case, outcome }
}
