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
use skreaver::protocol::{AgentName, Caller, ToolName, config::RuntimeConfig};
use skreaver::tools::worker::{Limits, Pool, Program};
use skreaver::tools::{Input, ToolCall};
use skreaver::{Runtime, Tool, ToolError};
use tokio::sync::oneshot;

use case::{Case, Ending};
use judge::Ended;

/// What a call may take that is to be stopped by another limit than that of time: the last of these is far away, even on a busy
/// machine.
const LIMITS: Limits = Limits { time: Duration::from_secs(120), cpu_seconds: 1, memory: 64 << 20, output: 1 << 20 };
/// What each other call may take; of an agent's built-in tools a policy says so.
const SHORT: Limits = Limits { time: Duration::from_millis(400), ..LIMITS };
/// What reads a document may take. A test build is slow, and the kernel would stop it first.
const READING: Limits = Limits { cpu_seconds: 20, ..LIMITS };
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
    match case.ending == Ending::Time {
        true => SHORT,
        false if is_builtin(case) => READING,
        false => LIMITS,
    }
}

fn is_builtin(case: &Case) -> bool {
    case.name != case.tool
}

/// The agent to which a case is done: one that has time, or one that has not.
fn prey(case: &Case) -> &'static str {
    if case.ending == Ending::Time { "mayfly" } else { "tortoise" }
}

/// Two agents that have every tool there is a case of, and another one with honest work.
fn runtime(program: Program, cases: &[Case]) -> Arc<Runtime> {
    let listed = |names: BTreeSet<&str>| -> Vec<Value> {
        names.iter().map(|name| json!({"name": name, "source": {"type": "Builtin"}})).collect()
    };
    let tools = listed(cases.iter().map(|case| case.tool).collect());
    let config: RuntimeConfig = serde_json::from_value(json!({"agents": [
        {"name": "tortoise", "tools": tools},
        {"name": "mayfly", "tools": tools},
        {"name": "amber", "tools": listed(BTreeSet::from(["uppercase"]))},
    ]}))
    .unwrap();
    let within = |time: Duration| {
        let resources = json!({"timeout": format!("{}ms", time.as_millis())});
        let policy = json!({"name": "house", "mode": "Enforce", "defaultAction": "Allow", "resources": resources});
        serde_json::from_value(json!({"version": 1, "policies": [policy]})).unwrap()
    };
    let pool = Pool::new(program, AT_A_TIME, READING).unwrap();
    let builder = Runtime::builder().config(config).workers(Arc::clone(&pool));
    let builder = builder.policies(AgentName::parse("mayfly").unwrap(), within(SHORT.time));
    let builder = builder.policies(AgentName::parse("tortoise").unwrap(), within(READING.time));
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
    let prey = runtime.agent(prey(&case)).unwrap();
    let started = Instant::now();
    let outcome = prey.toolbox().call(call).await.map(drop);
    Ended { took: started.elapsed(), limits: limits(&case), case, outcome }
}
