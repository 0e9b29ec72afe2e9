//! What the one door costs: a tool call through policy and metrics, beside the same tool looked up and called bare; and what the
//! decision alone costs, by the number of rules and with a condition.

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use skreaver::Runtime;
use skreaver::policy::{Call, Ledger, Policy};
use skreaver::protocol::policy::PolicyBundle;
use skreaver::protocol::{AgentName, Caller, ToolName, config::RuntimeConfig};
use skreaver::tools::{Input, ToolCall};

const AGENTS: &str = r#"{"agents": [{"name": "amber", "tools": [{"name": "uppercase", "source": {"type": "Builtin"}}]}]}"#;

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
    ToolCall {
        tool: "uppercase".into(),
        input: Input::Text("hello world".into()),
        caller: Caller::Anonymous,
        session: None,
        read: Some(BTreeSet::new()),
        id: "run/0".into(),
        approved: None,
    }
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

/// The decision alone. By name it has to take at most 250 ns, and with 10,000 rules at most 1.3 times as long as with 10; with a
/// condition it has to take at most 5 us.
fn decision(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decision");
    let (agent, tool) = (AgentName::parse("amber").expect("a name"), ToolName::parse("uppercase").expect("a name"));
    let (arguments, read) = (serde_json::json!({"text": "hello world", "to": "ann@example.com", "amount": 7}), BTreeSet::new());
    let call = Call {
        agent: &agent,
        tool: &tool,
        arguments: &arguments,
        caller: &Caller::Anonymous,
        session: None,
        read: Some(&read),
        id: "01a20904-0cab-7760-ae6b-fb55908bcc86/0",
        approved: None,
    };
    let ledger = Ledger::default();
    let mut measure = |name: String, bundle: &PolicyBundle| {
        let policy = Policy::compile(bundle).expect("it compiles").prepared([&tool]);
        let decide = || black_box(&policy).authorize(black_box(&call)).settle(&ledger, Duration::ZERO).verdict.is_ok();
        assert!(decide());
        group.bench_function(name, |bencher| bencher.iter(decide));
    };
    for rules in [10, 10_000] {
        measure(format!("by name, {rules} rules"), &bundle(rules));
    }
    let mut conditional = bundle(10);
    let when = "args.amount <= 100 && args.to.endsWith('@example.com') && args.text.matches('^[a-z ]+$') && session == ''";
    conditional.policies[0].rules.last_mut().expect("ours is the last").when = Some(when.to_owned());
    measure("with a condition".to_owned(), &conditional);
    group.finish();
}

/// A policy put in force in a thousand agents of one process, compiled once for each as their bundles are.
fn change(criterion: &mut Criterion) {
    const AGENTS: usize = 1000;
    let names: Vec<_> = (0..AGENTS).map(|n| format!("a{n}")).collect();
    let listed = serde_json::json!([{ "name": "uppercase", "source": {"type": "Builtin"} }]);
    let agents: Vec<_> = names.iter().map(|name| serde_json::json!({ "name": name, "tools": listed })).collect();
    let config = serde_json::from_value(serde_json::json!({ "agents": agents })).expect("a config");
    let runtime = Runtime::builder().config(config).build().expect("a runtime");
    let agents: Vec<_> = names.iter().map(|name| runtime.agent(name).expect("it is in the config")).collect();
    let bundle = bundle(10);
    let mut group = criterion.benchmark_group("change");
    group.sample_size(10);
    group.bench_function("10 rules in 1,000 agents", |bencher| {
        bencher.iter(|| agents.iter().for_each(|agent| agent.set_policy(Policy::compile(&bundle).expect("it compiles"))));
    });
    group.finish();
}

criterion_group!(benches, door, decision, change);
criterion_main!(benches);
