//! Agents with a model: turns, tools, fallbacks, bounds, forms.

use std::sync::Arc;

use futures::StreamExt;
use serde_json::json;
use skreaver::model::{Model, ModelErrorKind};
use skreaver::protocol::AgentName;
use skreaver::protocol::rest::RunEvent;
use skreaver::{Observation, Runtime};

use crate::double::{Double, answer, ask_for, broken_off, cut_off, failure};
use crate::support::config;

const AGENT: &str = "
agents:
- name: clerk
  instructions: Be brief.
  tools: [{name: add, source: {type: Builtin}}, {name: uppercase, source: {type: Builtin}}]
  models:
  - {provider: OpenAICompatible, name: one, baseURL: 'http://unused', timeout: 5s, maxAttempts: 1}
  - {provider: OpenAICompatible, name: two, baseURL: 'http://unused', timeout: 5s, maxAttempts: 1}
";

fn runtime(yaml: &str, doubles: Vec<Arc<Double>>) -> Runtime {
    let models = doubles.into_iter().map(|double| double as Arc<dyn Model>).collect();
    Runtime::builder().config(config(yaml)).models(AgentName::parse("clerk").unwrap(), models).build().unwrap()
}

async fn observe(runtime: &Runtime, input: &str) -> Result<serde_json::Value, (u16, serde_json::Value)> {
    let outcome = runtime.agent("clerk").unwrap().observe(Observation::new(input)).await;
    outcome
        .map(|answer| serde_json::to_value(answer).unwrap())
        .map_err(|problem| (problem.status, serde_json::to_value(*problem).unwrap()))
}

async fn fails(yaml: &str, doubles: Vec<Arc<Double>>, code: &str) -> serde_json::Value {
    let (_, problem) = observe(&runtime(yaml, doubles), "go").await.unwrap_err();
    assert_eq!(problem["code"], code, "{problem}");
    problem
}

#[tokio::test]
async fn tools_are_called_together_and_their_answers_told_in_order() {
    let model = Double::new(vec![
        ask_for(&[("add", json!({"a": 1, "b": 2})), ("uppercase", json!({"text": "x"})), ("levitate", json!({}))]),
        answer("three"),
    ]);
    let runtime = runtime(AGENT, vec![Arc::clone(&model), Double::new(vec![])]);
    let answered = observe(&runtime, "what is 1 + 2?").await.unwrap();
    assert_eq!(answered["output"], "three");
    assert_eq!(answered["usage"]["turns"], 2);
    assert_eq!((&answered["usage"]["input_tokens"], &answered["usage"]["output_tokens"]), (&json!(20), &json!(10)));
    let names: Vec<_> = answered["tool_calls"].as_array().unwrap().iter().map(|call| call["tool"].clone()).collect();
    assert_eq!(names, ["add", "uppercase", "levitate"]);
    let questions = model.questions();
    assert_eq!(questions[0].instructions.as_deref(), Some("Be brief."));
    assert_eq!(questions[0].tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["add", "uppercase"]);
    let told = serde_json::to_value(&questions[1].messages[2..]).unwrap();
    assert_eq!((&told[0]["text"], &told[1]["text"], &told[2]["failed"]), (&json!("3"), &json!("X"), &json!(true)));
    assert!(told[2]["text"].as_str().unwrap().contains("no tool is named `levitate`"), "{told}");
}

#[tokio::test]
async fn a_model_that_fails_is_replaced_by_the_next_one() {
    let (one, two) = (Double::new(vec![failure(ModelErrorKind::Overloaded)]), Double::new(vec![answer("from two")]));
    let runtime = runtime(AGENT, vec![Arc::clone(&one), two]);
    assert_eq!(observe(&runtime, "go").await.unwrap()["output"], "from two");
    let component = |runtime: &Runtime| {
        let found = runtime.readiness().components.into_iter().find(|component| component.name == "model").unwrap();
        serde_json::to_value(found).unwrap()
    };
    assert_eq!(component(&runtime)["state"], "stale");
    assert!(runtime.readiness().ready);
    one.then(answer("one is back"));
    assert_eq!(observe(&runtime, "go").await.unwrap()["output"], "one is back");
    assert_eq!(component(&runtime)["state"], "ready");
}

#[tokio::test]
async fn what_was_told_of_a_lost_answer_is_void_when_another_model_answers() {
    let (one, two) = (Double::new(vec![broken_off("The sum is fou")]), Double::new(vec![answer("It is five.")]));
    let agent = runtime(AGENT, vec![one, two]).agent("clerk").unwrap();
    let events = agent.observe_events(Observation::new("go")).await.unwrap();
    let shown = events.map(|(_, event)| event).fold((String::new(), String::new()), async |(mut shown, mut names), event| {
        names.push_str(event.name());
        names.push(' ');
        match event {
            RunEvent::ModelDelta { text } => shown.push_str(&text),
            RunEvent::ModelReset => shown.clear(),
            _ => {}
        }
        (shown, names)
    });
    let (shown, names) = shown.await;
    assert_eq!(shown, "It is five.", "{names}");
    assert!(names.contains("model_reset model_delta") && names.ends_with("completed "), "{names}");
}

#[tokio::test]
async fn a_lost_answer_counts_as_what_was_set_aside_for_it() {
    // 4096 tokens are set aside for an answer without a bound, and some for the question.
    let lost = async |tokens: u32| {
        let doubles = vec![Double::new(vec![broken_off("The su")]), Double::new(vec![answer("five")])];
        observe(&runtime(&format!("{AGENT}  limits: {{budget: {{tokens: {tokens}}}}}\n"), doubles), "go").await
    };
    let (_, problem) = lost(8000).await.unwrap_err();
    assert_eq!(problem["code"], "budget_exceeded");
    let answered = lost(9000).await.unwrap();
    assert!(answered["usage"]["input_tokens"].as_u64().unwrap() > 4096, "{answered}");
    // What was refused cost nothing.
    let doubles = vec![Double::new(vec![failure(ModelErrorKind::Overloaded)]), Double::new(vec![answer("five")])];
    let answered = observe(&runtime(&format!("{AGENT}  limits: {{budget: {{tokens: 8000}}}}\n"), doubles), "go").await.unwrap();
    assert_eq!(answered["usage"]["input_tokens"], 10);
}

#[tokio::test]
async fn a_stream_that_nobody_reads_holds_no_place() {
    let model = Double::new(vec![answer("first"), answer("second")]);
    let yaml = format!("{AGENT}  limits: {{concurrency: 1, queueLength: 1}}\n");
    let runtime = runtime(&yaml, vec![model, Double::new(vec![])]);
    let _unread = runtime.agent("clerk").unwrap().observe_events(Observation::new("go")).await.unwrap();
    let second = tokio::time::timeout(std::time::Duration::from_secs(5), observe(&runtime, "go")).await;
    assert!(second.expect("the unread run came to its end").is_ok());
}

#[tokio::test]
async fn every_failure_of_a_model_has_its_code() {
    for (kind, code, status) in [
        (ModelErrorKind::Unauthorized, "model_failed", 502),
        (ModelErrorKind::UnknownModel, "model_failed", 502),
        (ModelErrorKind::ContextTooLong, "model_failed", 502),
        (ModelErrorKind::RateLimited, "model_unavailable", 503),
        (ModelErrorKind::Unreachable, "model_unavailable", 503),
        (ModelErrorKind::Garbage, "model_unavailable", 503),
    ] {
        let doubles = vec![Double::new(vec![failure(kind)]), Double::new(vec![failure(kind)])];
        let runtime = runtime(AGENT, doubles);
        let (found, problem) = observe(&runtime, "go").await.unwrap_err();
        assert_eq!((found, problem["code"].as_str().unwrap()), (status, code), "{kind:?}: {problem}");
        assert_eq!(problem["retry_after"].is_number(), status == 503, "{problem}");
        // The agent is there for other questions.
        assert!(runtime.readiness().ready, "{kind:?}");
    }
}

#[tokio::test]
async fn bounds_end_a_run_with_a_sentence() {
    let endless = || {
        let again = || ask_for(&[("add", json!({"a": 1, "b": 1}))]);
        vec![Double::new((0..9).map(|_| again())), Double::new(vec![])]
    };
    let limited = |limits: &str| format!("{AGENT}  limits: {limits}\n");
    let problem = fails(&limited("{maxTurns: 3}"), endless(), "turns_exceeded").await;
    assert!(problem["detail"].as_str().unwrap().contains("limits.maxTurns"), "{problem}");
    fails(&limited("{maxToolCalls: 2}"), endless(), "tool_calls_exceeded").await;
    let budget = limited("{budget: {tokens: 4200}}");
    let problem = fails(&budget, endless(), "budget_exceeded").await;
    assert!(problem["detail"].as_str().unwrap().contains("tokens"), "{problem}");
    let many: Vec<_> = (0..1000).map(|n| ("add", json!({"a": n, "b": 1}))).collect();
    fails(AGENT, vec![Double::new(vec![ask_for(&many)]), Double::new(vec![])], "tool_calls_exceeded").await;
    fails(AGENT, vec![Double::new(vec![cut_off("half an ans")]), Double::new(vec![])], "answer_cut_off").await;
}

#[tokio::test]
async fn an_answer_of_another_form_is_asked_for_again() {
    let form = "  outputSchema: {type: object, properties: {sum: {type: integer}}, required: [sum]}\n";
    let yaml = format!("{AGENT}{form}");
    let model = Double::new(vec![answer("three"), answer(r#"{"sum": "3"}"#), answer(r#"{"sum": 3}"#)]);
    let runtime = runtime(&yaml, vec![Arc::clone(&model), Double::new(vec![])]);
    assert_eq!(observe(&runtime, "go").await.unwrap()["output"], r#"{"sum": 3}"#);
    let told = serde_json::to_value(model.questions()[2].messages.last().unwrap()).unwrap();
    assert!(told["text"].as_str().unwrap().contains("/sum"), "{told}");
    let yaml = format!("{AGENT}{form}  limits: {{maxTurns: 2}}\n");
    fails(&yaml, vec![Double::new(vec![answer("no"), answer("no")]), Double::new(vec![])], "answer_malformed").await;
}

#[tokio::test]
async fn a_run_goes_on_until_its_goal_is_reached() {
    let yaml = format!("{AGENT}  goal: {{text: Name a number over 10., until: \"output.matches('^[1-9][0-9]+$')\"}}\n");
    let model = Double::new(vec![answer("7"), answer("12")]);
    let runtime = runtime(&yaml, vec![Arc::clone(&model), Double::new(vec![])]);
    assert_eq!(observe(&runtime, "go").await.unwrap()["output"], "12");
    let questions = model.questions();
    assert!(questions[0].instructions.as_deref().unwrap().ends_with("Your goal: Name a number over 10."));
    assert!(serde_json::to_string(&questions[1].messages).unwrap().contains("The goal is not reached yet"));
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_served() {
    for (more, problem) in [
        ("  goal: {text: x, until: 'output =='}\n", "goal.until"),
        ("  outputSchema: {type: nonsense}\n", "outputSchema is no JSON Schema"),
        ("  limits: {budget: {costMicroUsd: 5}}\n", "needs the price of model `one`"),
    ] {
        let error = Runtime::builder().config(config(&format!("{AGENT}{more}"))).build().err().unwrap().to_string();
        assert!(error.contains(problem), "{error}");
    }
    let notes = "agents: [{name: clerk, tools: [{name: remember, source: {type: Builtin}}]}]";
    assert!(Runtime::builder().config(config(notes)).build().err().unwrap().to_string().contains("needs an agent with memory"));
}
