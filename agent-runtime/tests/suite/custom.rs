//! Agents written in Rust: they answer, call tools, remember, and go on after a crash.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};
use skreaver::memory::{InMemory, Key};
use skreaver::protocol::config::{GoalConfig, LimitsConfig};
use skreaver::protocol::policy::PolicyBundle;
use skreaver::protocol::rest::RunEvent;
use skreaver::protocol::{AgentName, SessionId};
use skreaver::testing::{Harness, MockTool, Reply, ScriptedModel};
use skreaver::{Agent, AgentError, BuildError, Context, Observation, Runtime, ToolError};
use tokio::sync::Semaphore;

use crate::support::until;

/// An agent that is one function.
struct Closure<F>(F);

#[async_trait]
impl<F> Agent for Closure<F>
where
    F: for<'a> Fn(&'a Context, &'a str) -> futures::future::BoxFuture<'a, Result<String, AgentError>> + Send + Sync,
{
    async fn observe(&self, context: &Context, input: &str) -> Result<String, AgentError> {
        (self.0)(context, input).await
    }
}

fn agent<F>(observe: F) -> Arc<dyn Agent>
where
    F: for<'a> Fn(&'a Context, &'a str) -> futures::future::BoxFuture<'a, Result<String, AgentError>> + Send + Sync + 'static,
{
    Arc::new(Closure(observe))
}

/// Adds up numbers, two at a time, with a tool.
fn adder() -> Arc<dyn Agent> {
    agent(|context, input| {
        Box::pin(async move {
            let mut sum = json!(0);
            for number in input.split(' ') {
                let number: i64 = number.parse().map_err(|_| AgentError::Failed(format!("`{number}` is no number")))?;
                sum = context.call("add", json!({"a": sum, "b": number})).await?;
            }
            Ok(sum.to_string())
        })
    })
}

#[tokio::test]
async fn it_answers_with_the_help_of_tools_like_any_agent() {
    let started = Harness::new("clerk").builtin("add").agent(adder()).start().await.unwrap();
    let answer = started.observe("1 2 3").await.unwrap();
    assert_eq!(answer.output, "6");
    assert_eq!(answer.tool_calls.iter().map(|call| call.tool.as_str()).collect::<Vec<_>>(), ["add", "add", "add"]);
    // It is no model: nothing was spent.
    assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.turns), (0, 0, 4));
    let problem = started.observe("1 two").await.unwrap_err();
    assert_eq!((problem.status, problem.detail.as_str()), (502, "`two` is no number"));
    assert_eq!(serde_json::to_value(problem.code).unwrap(), "agent_failed");
}

#[tokio::test]
async fn calls_that_are_awaited_together_run_together() {
    let both = agent(|context, _| {
        Box::pin(async move {
            let (one, two) = futures::join!(context.call("one", json!({})), context.call("two", json!({})));
            Ok(format!("{}{}", one?, two?))
        })
    });
    let (one, two) = (MockTool::answering(json!(1)), MockTool::answering(json!(2)));
    let started = Harness::new("clerk").tool("one", &one).tool("two", &two).agent(both).start().await.unwrap();
    let answer = started.observe("go").await.unwrap();
    assert_eq!((answer.output.as_str(), answer.usage.turns), ("12", 2));
}

#[tokio::test]
async fn its_limits_and_its_policy_hold() {
    let endless = agent(|context, _| {
        Box::pin(async move {
            loop {
                context.call("add", json!({"a": 1, "b": 1})).await?;
            }
        })
    });
    for (limits, code) in [
        (LimitsConfig { max_turns: 3, ..LimitsConfig::default() }, "turns_exceeded"),
        (LimitsConfig { max_tool_calls: 3, ..LimitsConfig::default() }, "tool_calls_exceeded"),
    ] {
        let started = Harness::new("clerk").builtin("add").agent(Arc::clone(&endless)).limits(limits).start().await.unwrap();
        assert_eq!(serde_json::to_value(started.observe("go").await.unwrap_err().code).unwrap(), code);
    }
    let name = AgentName::parse("clerk").unwrap();
    let closed: PolicyBundle =
        serde_json::from_value(json!({"version": 1, "policies": [{"name": "p", "mode": "Enforce", "defaultAction": "Deny"}]}))
            .unwrap();
    let runtime = Runtime::builder().agent(name.clone(), adder()).policies(name, closed);
    let mut tools = skreaver::InMemoryToolRegistry::new();
    tools.register("add", MockTool::answering(json!(7))).unwrap();
    let runtime = runtime.tools(tools).build().unwrap();
    let problem = runtime.agent("clerk").unwrap().observe(Observation::new("1")).await.unwrap_err();
    assert_eq!((problem.status, problem.policy.as_deref()), (403, Some("p")));
}

/// Says one number more each time, until it is told enough.
struct Counter(AtomicUsize);

#[async_trait]
impl Agent for Counter {
    async fn observe(&self, context: &Context, input: &str) -> Result<String, AgentError> {
        let count = self.0.fetch_add(1, Ordering::SeqCst);
        assert_eq!(input == "count", count == 0, "{input}");
        assert_eq!(context.history().len(), count * 2);
        Ok(count.to_string())
    }

    fn goal(&self) -> Option<GoalConfig> {
        Some(GoalConfig { text: "Reach 3.".into(), until: "output == '3'".into() })
    }
}

#[tokio::test]
async fn it_goes_on_until_its_goal_is_reached() {
    let started = Harness::new("clerk").agent(Arc::new(Counter(AtomicUsize::new(0)))).start().await.unwrap();
    let answer = started.observe("count").await.unwrap();
    assert_eq!((answer.output.as_str(), answer.usage.turns), ("3", 4));
}

#[tokio::test]
async fn it_knows_its_session_and_keeps_what_is_its_own_apart() {
    let forgetful = agent(|context, input| {
        Box::pin(async move {
            let memory = context.memory().expect("it has memory");
            let key = Key::parse("last").expect("a key");
            let before = memory.get(&key).await?.unwrap_or_default();
            memory.put(key, input.to_owned().into()).await?;
            Ok(format!("{} messages, and before `{}`", context.history().len(), String::from_utf8_lossy(&before)))
        })
    });
    let memory = Arc::new(InMemory::new());
    let started = Harness::new("clerk").agent(forgetful).memory(&memory).start().await.unwrap();
    let say = async |input: &str| {
        let session = Some(SessionId::parse("a").unwrap());
        started.agent().observe(Observation { session, ..Observation::new(input) }).await.unwrap().output
    };
    assert_eq!(say("one").await, "0 messages, and before ``");
    assert_eq!(say("two").await, "2 messages, and before `one`");
    let own = skreaver::Memory::get(memory.as_ref(), &Key::parse("own/last").unwrap()).await.unwrap();
    assert_eq!(own.as_deref(), Some("two".as_bytes()));
    started.stop().await;
}

#[tokio::test]
async fn a_panic_ends_one_run_and_events_are_told() {
    let touchy = agent(|context, input| {
        Box::pin(async move {
            assert_ne!(input, "boo");
            Ok(context.call("echo", json!({})).await?.to_string())
        })
    });
    let echo = MockTool::answering(json!(1));
    let started = Harness::new("clerk").tool("echo", &echo).agent(touchy).start().await.unwrap();
    assert!(started.observe("boo").await.unwrap_err().detail.contains("it panicked"));
    let events = started.agent().observe_events(Observation::new("hello")).await.unwrap();
    let events: Vec<_> = futures::StreamExt::collect(futures::StreamExt::map(events, |(_, event)| event)).await;
    assert_eq!(
        events.iter().map(RunEvent::name).collect::<Vec<_>>(),
        ["started", "tool_call", "tool_result", "model_delta", "completed"]
    );
}

#[tokio::test]
async fn after_a_crash_calls_whose_outcome_is_written_are_not_made_again() {
    let (memory, gate) = (Arc::new(InMemory::new()), Arc::new(Semaphore::new(0)));
    let arrived = Arc::new(AtomicUsize::new(0));
    let (pay, look) = (MockTool::answering(json!("paid")), MockTool::idempotent([Ok(json!("found"))]));
    let clerk = || {
        let (gate, arrived) = (Arc::clone(&gate), Arc::clone(&arrived));
        let twice = agent(move |context, _| {
            let (gate, arrived) = (Arc::clone(&gate), Arc::clone(&arrived));
            Box::pin(async move {
                let paid = context.call("pay", json!({"cents": 5})).await?;
                let found = context.call("look", json!({})).await?;
                arrived.fetch_add(1, Ordering::SeqCst);
                gate.acquire().await.map_err(|error| AgentError::Failed(error.to_string()))?.forget();
                Ok(format!("{paid} {found}"))
            })
        });
        Harness::new("clerk").tool("pay", &pay).tool("look", &look).memory(&memory).agent(twice)
    };
    let first = clerk();
    // A tokio runtime of its own ends as a process does: with all that it was doing.
    let run = Observation::new("go");
    let id = run.run;
    let process = tokio::task::spawn_blocking(move || {
        let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        process.block_on(async { first.start().await.unwrap().agent().accept(run).await.unwrap() });
        process
    });
    let process = process.await.unwrap();
    // What a tool answered is written before the agent goes on.
    until(async || (arrived.load(Ordering::SeqCst) == 1).then_some(())).await;
    process.shutdown_background();

    let second = clerk().start().await.unwrap();
    gate.add_permits(1);
    let status = until(async || {
        let status = second.agent().run_status(id).await.unwrap();
        status.ended_at.is_some().then_some(status)
    })
    .await;
    assert_eq!(status.output.as_deref(), Some("\"paid\" \"found\""));
    assert_eq!((pay.calls().len(), look.calls().len()), (1, 1));
    second.stop().await;
}

#[tokio::test]
async fn one_that_asks_for_something_else_after_a_crash_is_told_so() {
    let (memory, calls) = (Arc::new(InMemory::new()), Arc::new(AtomicUsize::new(0)));
    let arrived = Arc::new(AtomicUsize::new(0));
    let dice = MockTool::idempotent([Ok(json!(6))]);
    let gambler = || {
        let (calls, arrived) = (Arc::clone(&calls), Arc::clone(&arrived));
        let gambler = agent(move |context, _| {
            let (number, arrived) = (calls.fetch_add(1, Ordering::SeqCst), Arc::clone(&arrived));
            Box::pin(async move {
                context.call("dice", json!({ "throw": number })).await?;
                arrived.fetch_add(1, Ordering::SeqCst);
                std::future::pending::<Value>().await;
                Ok(String::new())
            })
        });
        Harness::new("clerk").tool("dice", &dice).memory(&memory).agent(gambler)
    };
    let (first, run) = (gambler(), Observation::new("go"));
    let id = run.run;
    let process = tokio::task::spawn_blocking(move || {
        let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        process.block_on(async { first.start().await.unwrap().agent().accept(run).await.unwrap() });
        process
    });
    let process = process.await.unwrap();
    until(async || (arrived.load(Ordering::SeqCst) == 1).then_some(())).await;
    process.shutdown_background();
    let second = gambler().start().await.unwrap();
    let status = until(async || {
        let status = second.agent().run_status(id).await.unwrap();
        status.ended_at.is_some().then_some(status)
    })
    .await;
    assert!(status.problem.unwrap().detail.contains("has to ask for the same"));
    second.stop().await;
}

#[tokio::test]
async fn a_model_and_code_in_its_place_do_not_go_together() {
    let harness = Harness::new("clerk").model(&ScriptedModel::new([Reply::text("hello")])).agent(adder());
    let Err(refused) = harness.start().await else { panic!("it is built") };
    assert!(matches!(&refused, BuildError::Model { problem, .. } if problem.contains("takes the place of models")), "{refused}");
}

#[tokio::test]
async fn a_mock_tool_fails_where_it_is_told_to() {
    let tool = MockTool::scripted([Err(ToolError::Failed("broken".into())), Ok(json!("mended"))]);
    let started = Harness::new("clerk").tool("fix", &tool).start().await.unwrap();
    assert!(started.observe("fix:it").await.unwrap_err().detail.contains("broken"));
    for _ in 0..2 {
        assert_eq!(started.observe("fix:it").await.unwrap().output, "mended");
    }
    assert_eq!(tool.calls().len(), 3);
}
