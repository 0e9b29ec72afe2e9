//! What the one door costs: a tool call through policy and metrics, beside the same tool looked up and called bare.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use skreaver::Runtime;
use skreaver::protocol::policy::PolicyBundle;
use skreaver::protocol::{AgentName, Caller, config::RuntimeConfig};
use skreaver::tools::{Input, ToolCall};

const AGENTS: &str = r#"{"agents": [{"name": "amber", "tools": [{"name": "uppercase", "type": "Builtin"}]}]}"#;

/// A policy of this many rules that name other tools, and one that allows ours.
fn bundle(rules: usize) -> PolicyBundle {
    let mut all: Vec<_> = (0..rules)
        .map(|n| serde_json::json!({ "name": format!("r{n}"), "tools": [format!("other{n}_*")], "action": "Deny" }))
        .collect();
    all.push(serde_json::json!({ "name": "ours", "tools": ["upper*"], "action": "Allow" }));
    let policy = serde_json::json!({ "name": "p", "mode": "Enforce", "defaultAction": "Deny", "rules": all });
    serde_json::from_value(serde_json::json!({ "version": 1, "policies": [policy] })).expect("a bundle")
}

fn runtime(rules: usize) -> Runtime {
    let config: RuntimeConfig = serde_json::from_str(AGENTS).expect("a config");
    let amber = AgentName::parse("amber").expect("a name");
    Runtime::builder().config(config).policies(amber, bundle(rules)).build().expect("a runtime")
}

fn call() -> ToolCall {
    ToolCall { tool: "uppercase".into(), input: Input::Text("hello world".into()), caller: Caller::Anonymous, id: "run/0".into() }
}

fn door(criterion: &mut Criterion) {
    let tokio = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut group = criterion.benchmark_group("door");
    let bare: BTreeMap<String, fn(&str) -> String> =
        BTreeMap::from([("uppercase".to_owned(), str::to_uppercase as fn(&str) -> String)]);
    group.bench_function("floor: look up and call", |bencher| {
        bencher.iter(|| bare.get(black_box("uppercase")).map(|tool| tool(black_box("hello world"))));
    });
    for rules in [1, 10, 64] {
        let runtime = runtime(rules);
        let agent = runtime.agent("amber").expect("it is in the config");
        group.bench_function(format!("Toolbox::call, {rules} rules"), |bencher| {
            bencher.iter(|| tokio.block_on(agent.toolbox().call(black_box(call()))).expect("it is allowed"));
        });
    }
    group.finish();
}

criterion_group!(benches, door);
criterion_main!(benches);
