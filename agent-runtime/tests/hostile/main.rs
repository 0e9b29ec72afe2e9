//! Hostile inputs and isolated tools, all through an agent's door, while another agent of the process goes on. Without the usual
//! harness, because this program has to become its own worker.

// Clippy knows tests by the usual harness.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod functions;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::{Value, json};
use skreaver::policy::Permit;
use skreaver::protocol::{Caller, ToolName, config::RuntimeConfig};
use skreaver::tools::worker::{Limits, Pool, Program};
use skreaver::tools::{CallError, Input, Limit, ToolCall};
use skreaver::{Observation, Runtime, Tool, ToolError};

/// What each call may take.
const TIME: Duration = Duration::from_millis(400);
const LIMITS: Limits = Limits { time: TIME, cpu_seconds: 5, memory: 64 << 20, output: 1 << 20 };
/// How late a stop may come. Half of them have to come within the promise; the latest may be as late as a busy machine with few
/// cores makes it, where a test build shares it with others.
const PROMISED: Duration = Duration::from_millis(100);
const ALLOWANCE: Duration = Duration::from_millis(900);

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

/// A tool of somebody's that is a function in a worker.
struct Isolated {
    pool: Arc<Pool>,
    function: &'static str,
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
        self.pool.call(self.function, arguments).await
    }
}

/// What is done to the agent: functions that misbehave, and built-in tools with documents that do.
fn attacks() -> Vec<(&'static str, Value)> {
    let nested = |times: usize| format!("{}1{}", "[".repeat(times), "]".repeat(times));
    let laughs: String = (1..12).map(|n| format!("<!ENTITY l{n} '{}'>", format!("&l{};", n - 1).repeat(10))).collect();
    let wide = json!(vec![json!({"a": [1, 2, {"b": "aaaaaaaaaaaaaaaaaaaaaaaaaaaa"}]}); 5_000]);
    let own = ["spin", "allocate", "sleep", "flood", "recurse"].map(|name| (name, json!({})));
    let inputs = [
        ("xml_parse", json!({"text": format!("<!DOCTYPE l [<!ENTITY l0 'ha'>{laughs}]><l>&l11;</l>")})),
        ("json_parse", json!({"text": nested(400_000)})),
        ("json_query", json!({"json": wide, "path": "$..*..*..*..*..*..*"})),
        ("json_query", json!({"json": wide, "path": "$[?$..[?$..[?$..[?$..*]]]]"})),
        ("html_to_text", json!({"text": "<b><i></b>".repeat(100_000)})),
    ];
    let all: Vec<_> = own.into_iter().chain(inputs).collect();
    let is_full = std::env::var("SKREAVER_SOAK").is_ok_and(|soak| soak == "1");
    all.iter().cycle().take(if is_full { 50 } else { 10 }).cloned().collect()
}

fn runtime(program: Program) -> Arc<Runtime> {
    let tools = ["spin", "allocate", "sleep", "flood", "recurse", "xml_parse", "json_parse", "json_query", "html_to_text"];
    let listed = |names: &[&str]| -> Vec<Value> {
        names.iter().map(|name| json!({"name": name, "source": {"type": "Builtin"}})).collect()
    };
    let config: RuntimeConfig = serde_json::from_value(json!({"agents": [
        {"name": "prey", "tools": listed(&tools)},
        {"name": "amber", "tools": listed(&["uppercase"])},
    ]}))
    .unwrap();
    // As many as the image has; four calls are made at a time, and so none waits for another.
    let pool = Pool::new(program, 4, LIMITS).unwrap();
    let builder = Runtime::builder().config(config).workers(Arc::clone(&pool));
    let own = ["spin", "allocate", "sleep", "flood", "recurse"];
    let builder = own.iter().fold(builder, |builder, function| {
        builder.tool(ToolName::parse(*function).unwrap(), Arc::new(Isolated { pool: Arc::clone(&pool), function }))
    });
    Arc::new(builder.build().unwrap())
}

/// How a call ended, and how long it took.
type Ended = (&'static str, Result<(), CallError>, Duration);

async fn attack(runtime: Arc<Runtime>, tool: &'static str, arguments: Value, number: usize) -> Ended {
    let call = ToolCall {
        tool: tool.into(),
        input: Input::Arguments(arguments),
        caller: Caller::Anonymous,
        session: None,
        read: Some(BTreeSet::new()),
        id: format!("attack/{number}"),
        approved: None,
    };
    let prey = runtime.agent("prey").unwrap();
    let started = Instant::now();
    let outcome = prey.toolbox().call(call).await.map(drop);
    (tool, outcome, started.elapsed())
}

async fn show(program: Program) {
    let runtime = runtime(program);
    let attacks = attacks();
    let count = attacks.len();
    let beside = tokio::spawn(goes_on(Arc::clone(&runtime), Duration::from_millis(5)));
    let mut ended = Vec::new();
    for (round, four) in attacks.chunks(4).enumerate() {
        let calls = four.iter().enumerate().map(|(place, (tool, arguments))| {
            tokio::spawn(attack(Arc::clone(&runtime), tool, arguments.clone(), round * 4 + place))
        });
        let calls: Vec<_> = calls.collect();
        for call in calls {
            ended.push(call.await.unwrap());
        }
    }
    // An agent that does not go on has ended this by a panic.
    if beside.is_finished() {
        beside.await.unwrap();
        panic!("the other agent does not go on");
    }
    beside.abort();
    judge(count, ended);
    let others = ANSWERED.lock().unwrap().clone();
    let (median, max) = median_and_max(others.clone());
    println!("    meanwhile another agent answered {} observations: median {median:?}, max {max:?}", others.len());
    assert!(others.len() >= count, "the other agent answered {} observations beside {count} attacks", others.len());
    assert!(median < Duration::from_millis(100) && max < ALLOWANCE, "the other agent answered in {median:?}, at most {max:?}");
}

static ANSWERED: std::sync::Mutex<Vec<Duration>> = std::sync::Mutex::new(Vec::new());

/// An agent with honest work, until it is aborted.
async fn goes_on(runtime: Arc<Runtime>, pause: Duration) {
    let amber = runtime.agent("amber").unwrap();
    loop {
        let started = Instant::now();
        let answer = amber.observe(Observation::new("uppercase:hi")).await.unwrap();
        assert_eq!(serde_json::to_value(answer).unwrap()["output"], "HI");
        ANSWERED.lock().unwrap().push(started.elapsed());
        tokio::time::sleep(pause).await;
    }
}

fn judge(count: usize, ended: Vec<Ended>) {
    assert_eq!(ended.len(), count);
    let (mut late, mut stopped, mut other) = (Vec::new(), 0, 0);
    for (tool, outcome, took) in ended {
        let own = ["spin", "allocate", "sleep", "flood", "recurse"].contains(&tool);
        match &outcome {
            Err(CallError::Tool { error: ToolError::Stopped(limit), .. }) => {
                let expected = match tool {
                    "spin" | "sleep" => matches!(limit, Limit::Time(_)),
                    // On a busy machine time may be up before memory, output or stack is.
                    "allocate" => matches!(limit, Limit::Memory(_) | Limit::Time(_)),
                    "flood" => matches!(limit, Limit::Output(_) | Limit::Time(_)),
                    "recurse" => matches!(limit, Limit::Stack | Limit::Time(_)),
                    _ => !matches!(limit, Limit::Crash(_)),
                };
                assert!(expected, "{tool} was stopped by {limit}");
                stopped += 1;
                // When another limit than that of time was reached is not known from here.
                if matches!(limit, Limit::Time(_)) {
                    late.push(took.saturating_sub(TIME));
                }
            }
            Ok(()) | Err(CallError::Tool { .. }) if !own => other += 1,
            outcome => panic!("{tool} ended with {outcome:?}"),
        }
        assert!(took < TIME + ALLOWANCE, "{tool} took {took:?}");
        println!("    {tool:<14} {:>5} ms", took.as_millis());
    }
    let (median, max) = median_and_max(late.clone());
    println!(
        "    {count} attacks: {stopped} stopped, {other} answered or refused in time; {} by time, beyond the limit of {TIME:?}: median {median:?}, max {max:?}",
        late.len()
    );
    assert!(median < PROMISED && max < ALLOWANCE, "stopped {median:?} after the limit, at most {max:?}");
}

fn median_and_max(mut durations: Vec<Duration>) -> (Duration, Duration) {
    durations.sort_unstable();
    (durations[durations.len() / 2], *durations.last().unwrap())
}
