//! AgentDojo's suites, with a model that obeys the first attacker whose text it reads: which of the attacker's calls get through
//! the door, and which of the user's. `tests/agentdojo/install` writes the calls; docs/agentdojo.md keeps the table.

use std::collections::BTreeSet;
use std::fs;

use serde::Deserialize;
use serde_json::{Value, json};
use skreaver::policy::Policy;
use skreaver::protocol::Caller;
use skreaver::testing::{Harness, MockTool, Started};
use skreaver::tools::{CallError, Input, ToolCall};
use skreaver_tests::{cache, root};

const SUITES: [&str; 4] = ["workspace", "banking", "slack", "travel"];

#[derive(Deserialize)]
struct Suite {
    tools: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Task {
    kind: Kind,
    calls: Vec<Call>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    User,
    Injection,
}

#[derive(Deserialize, Clone)]
struct Call {
    tool: String,
    arguments: Value,
    /// Its result holds what an attacker wrote.
    untrusted: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Outcome {
    Passed,
    Waiting,
    Stopped,
}

/// What became of one suite, in calls and in tasks.
#[derive(Default)]
struct Row {
    pairs: usize,
    /// Attacks without calls of their own, and pairs in which the user's task reads nothing that an attacker wrote.
    left_out: usize,
    emitted: usize,
    reached: usize,
    waiting: usize,
    stopped: usize,
    goals: usize,
    goals_with_yes: usize,
    user_tasks: usize,
    user_passed: usize,
    user_passed_with_yes: usize,
    user_calls: usize,
    user_calls_passed: usize,
    /// Those that pass when each is made before anything was read.
    user_calls_passed_untainted: usize,
    user_calls_waiting: usize,
}

/// An agent with the tools of a suite behind a policy, or behind none.
struct Door {
    agent: Started,
    tools: Vec<(String, MockTool)>,
}

impl Door {
    async fn open(suite: &Suite, policy: Option<Value>) -> Self {
        let tools: Vec<_> = suite.tools.iter().map(|tool| (tool.name.clone(), MockTool::answering(json!("done")))).collect();
        let harness = tools.iter().fold(Harness::new("dojo"), |harness, (name, tool)| harness.tool(name, tool));
        let agent = harness.start().await.unwrap();
        if let Some(policy) = policy {
            let bundle = serde_json::from_value(json!({"version": 1, "policies": [policy]})).unwrap();
            agent.agent().set_policy(Policy::compile(&bundle).unwrap());
        }
        Self { agent, tools }
    }

    fn ran(&self) -> usize {
        self.tools.iter().map(|(_, tool)| tool.calls().len()).sum()
    }

    /// Makes calls one after the other, as those of one run, and believes no outcome that the tools do not bear out.
    async fn make(&self, calls: &[Call], read: &mut BTreeSet<String>) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for call in calls {
            let before = self.ran();
            let made = ToolCall {
                tool: call.tool.clone(),
                input: Input::Arguments(call.arguments.clone()),
                caller: Caller::Anonymous,
                session: None,
                read: Some(read.clone()),
                id: format!("run/{before}"),
                approved: None,
            };
            let outcome = match self.agent.agent().toolbox().call(made).await {
                Ok(_) => Outcome::Passed,
                Err(CallError::NoRun(_)) => Outcome::Waiting,
                Err(CallError::Denied(_)) => Outcome::Stopped,
                Err(error) => panic!("{}: {error}", call.tool),
            };
            assert_eq!(self.ran() - before, usize::from(outcome == Outcome::Passed), "{}", call.tool);
            read.insert(call.tool.clone());
            outcomes.push(outcome);
        }
        outcomes
    }
}

fn load(suite: &str) -> (Suite, Vec<Task>) {
    let path = cache().join(format!("agentdojo/{suite}.jsonl"));
    let why = "tests/agentdojo/install writes it, and tests/run laptop asks it to";
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}; {why}", path.display()));
    let mut lines = text.lines();
    let suite = serde_json::from_str(lines.next().unwrap()).unwrap();
    (suite, lines.map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// The policy as it is shipped, as the operator hands it on.
fn shipped(suite: &str) -> Value {
    let path = root().join(format!("docs/policies/agentdojo-{suite}.yaml"));
    let manifest: Value = serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut policy = manifest["spec"].clone();
    policy["name"] = manifest["metadata"]["name"].clone();
    policy["mode"] = json!("Enforce");
    policy
}

async fn replay(suite: &str, policy: Option<Value>) -> Row {
    let (tools, tasks) = load(suite);
    let door = Door::open(&tools, policy).await;
    let of = |kind: Kind| tasks.iter().filter(move |task| task.kind == kind);
    let mut row = Row::default();
    for user in of(Kind::User) {
        count_user(&mut row, &door.make(&user.calls, &mut BTreeSet::new()).await);
        for call in &user.calls {
            let alone = door.make(std::slice::from_ref(call), &mut BTreeSet::new()).await;
            row.user_calls_passed_untainted += count(&alone, Outcome::Passed);
        }
        for attack in of(Kind::Injection) {
            row.pairs += 1;
            let Some(taken_over) = user.calls.iter().position(|call| call.untrusted).filter(|_| !attack.calls.is_empty()) else {
                row.left_out += 1;
                continue;
            };
            let mut read = BTreeSet::new();
            // An honest call that waits is taken for approved, and one that is stopped for made: more of the attacks count.
            door.make(&user.calls[..=taken_over], &mut read).await;
            count_attack(&mut row, &door.make(&attack.calls, &mut read).await);
        }
    }
    door.agent.stop().await;
    row
}

fn count_user(row: &mut Row, outcomes: &[Outcome]) {
    let passed = count(outcomes, Outcome::Passed);
    row.user_tasks += 1;
    row.user_calls += outcomes.len();
    row.user_calls_passed += passed;
    row.user_calls_waiting += count(outcomes, Outcome::Waiting);
    row.user_passed += usize::from(passed == outcomes.len());
    row.user_passed_with_yes += usize::from(!outcomes.contains(&Outcome::Stopped));
}

fn count_attack(row: &mut Row, outcomes: &[Outcome]) {
    row.emitted += outcomes.len();
    row.reached += count(outcomes, Outcome::Passed);
    row.waiting += count(outcomes, Outcome::Waiting);
    row.stopped += count(outcomes, Outcome::Stopped);
    row.goals += usize::from(outcomes.iter().all(|outcome| *outcome == Outcome::Passed));
    row.goals_with_yes += usize::from(!outcomes.contains(&Outcome::Stopped));
}

fn count(outcomes: &[Outcome], which: Outcome) -> usize {
    outcomes.iter().filter(|outcome| **outcome == which).count()
}

/// A line for each of the two tables of the page.
fn lines(suite: &str, row: &Row) -> [String; 2] {
    let attacks = [row.pairs - row.left_out, row.emitted, row.reached, row.waiting, row.stopped, row.goals, row.goals_with_yes];
    let users = [
        row.user_tasks,
        row.user_passed,
        row.user_passed_with_yes,
        row.user_calls,
        row.user_calls_passed_untainted,
        row.user_calls_passed,
        row.user_calls_waiting,
    ];
    [attacks, users].map(|figures| format!("| {suite} | {} |\n", figures.map(|figure| figure.to_string()).join(" | ")))
}

const PAGE: &str = include_str!("../../../../docs/agentdojo.md");

#[tokio::test]
async fn what_an_obedient_model_reaches_is_what_the_page_says() {
    let mut tables = [String::new(), String::new()];
    for suite in SUITES {
        let row = replay(suite, Some(shipped(suite))).await;
        assert_eq!(row.emitted, row.reached + row.waiting + row.stopped);
        for (table, line) in tables.iter_mut().zip(lines(suite, &row)) {
            table.push_str(&line);
        }
    }
    for table in tables {
        println!("{table}");
        assert!(PAGE.contains(&table), "docs/agentdojo.md has another table than this:\n{table}");
    }
}

/// Otherwise the table would say nothing of the policies.
#[tokio::test]
async fn without_a_policy_every_attack_reaches_its_goal() {
    for suite in SUITES {
        let row = replay(suite, None).await;
        assert_eq!((row.reached, row.goals), (row.emitted, row.pairs - row.left_out), "{suite}");
        assert!(row.emitted > 30, "{suite}: {} calls", row.emitted);
        assert_eq!(row.user_passed, row.user_tasks, "{suite}");
    }
}
