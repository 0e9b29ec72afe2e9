//! Answers: text, tools, usage and reasons, whole and streamed alike.

use serde_json::{Value, json};
use skreaver_model::{Answer, Question, StopReason};
use skreaver_protocol::message::{Message, Tokens};
use skreaver_tests::model_server::{Format, ModelServer, Script};

use super::{WAYS, Way, ask, combinations, connect, question, user};

/// What a script's only rule answers, the same in both formats and both ways.
async fn answer(rules: &str, question: &Question) -> Answer {
    let mut answers = Vec::new();
    for (format, way) in combinations() {
        let server = ModelServer::start(Script::rules(rules)).await;
        let (outcome, told) = ask(&*connect(&server, format, json!({})), question, way).await;
        let mut answer = outcome.unwrap_or_else(|error| panic!("{format:?} {way:?}: {error}; {:?}", server.requests()));
        if way == Way::Streamed {
            assert_eq!(told.concat(), answer.text, "{format:?}");
            assert!(told.len() > 1 || answer.text.len() < 10, "{format:?}: {told:?}");
        } else {
            assert!(told.is_empty());
        }
        // The formats' own ids differ.
        for (index, request) in answer.tool_requests.iter_mut().enumerate() {
            assert!(request.id.ends_with(&format!("1_{index}")), "{}", request.id);
            request.id = index.to_string();
        }
        answers.push(answer);
    }
    assert!(answers.iter().all(|other| *other == answers[0]), "{answers:#?}");
    answers.remove(0)
}

#[tokio::test]
async fn streamed_text_is_the_whole_text() {
    let rules = "[{answer: {text: \"  Größe:  5 €\\n\\n and more. \", usage: {input: 12, output: 34}}}]";
    let found = answer(rules, &question("?")).await;
    assert_eq!(found.text, "  Größe:  5 €\n\n and more. ");
    assert_eq!((found.tokens, found.stop), (Tokens { input: 12, output: 34 }, StopReason::Complete));
}

#[tokio::test]
async fn reasons_to_stop_are_ours() {
    for (stop, expected) in
        [("length", StopReason::Length), ("filtered", StopReason::Filtered), ("complete", StopReason::Complete)]
    {
        let found = answer(&format!("[{{answer: {{text: 'As far as it got', stop: {stop}}}}}]"), &question("?")).await;
        assert_eq!(found.stop, expected);
    }
}

#[tokio::test]
async fn tools_are_asked_for_in_parallel_beside_text() {
    let rules = "[{answer: {text: 'Let me see. I add', tool_calls: [{name: add, arguments: {a: 2, b: 3}}, {name: levitate}, \
                 {name: add, arguments: {a: 'ä', b: [null, {c: 1.5}]}}]}}]";
    let found = answer(rules, &question("?")).await;
    let calls: Vec<_> = found.tool_requests.iter().map(|request| (request.tool.as_str(), request.arguments.clone())).collect();
    let expected =
        [("add", json!({"a": 2, "b": 3})), ("levitate", json!({})), ("add", json!({"a": "ä", "b": [null, {"c": 1.5}]}))];
    assert_eq!(calls, expected);
    assert_eq!((found.stop, found.text.as_str()), (StopReason::Tools, "Let me see. I add"));
}

#[tokio::test]
async fn a_thousand_tools_at_once_are_a_thousand_requests() {
    let found = answer("[{answer: {tool_calls: [{name: add, arguments: {a: 2}, times: 1000}]}}]", &question("?")).await;
    assert_eq!(found.tool_requests.len(), 1000);
    assert_eq!(found.tool_requests[999].id, "999");
}

#[tokio::test]
async fn results_go_back_and_are_answered() {
    for (format, way) in combinations() {
        let server = ModelServer::start(Script::adder()).await;
        let model = connect(&server, format, json!({}));
        let mut question = question("2 and 3?");
        let first = ask(&*model, &question, way).await.0.unwrap();
        let request = first.tool_requests[0].clone();
        question.messages.push(Message::Assistant { text: first.text, tool_requests: first.tool_requests });
        question.messages.push(Message::Tool { id: request.id, tool: request.tool, text: "5".into(), failed: false });
        let second = ask(&*model, &question, way).await.0.unwrap();
        assert_eq!(second.text, "The sum is 5.");
        question.messages.push(Message::Assistant { text: second.text, tool_requests: vec![] });
        question.messages.push(user("And again?"));
        assert_eq!(ask(&*model, &question, way).await.0.unwrap().stop, StopReason::Tools);
        let usage = server.usage();
        assert_eq!((server.calls(), usage.input, usage.output), (3, 30, 15));
    }
}

#[tokio::test]
async fn arguments_that_are_no_json_come_as_they_are() {
    let server = ModelServer::start(Script::rules("[{answer: {tool_calls: [{name: add, arguments: '{a: 2'}]}}]")).await;
    let model = connect(&server, Format::OpenAi, json!({}));
    for way in WAYS {
        assert_eq!(ask(&*model, &question("?"), way).await.0.unwrap().tool_requests[0].arguments, json!("{a: 2"));
    }
}

#[tokio::test]
async fn names_that_providers_do_not_permit_come_back_as_ours() {
    let mut question = question("?");
    question.tools[0].name = "ledger/add.all".into();
    let found = answer("[{answer: {tool_calls: [{name: ledger_add_all}]}}]", &question).await;
    assert_eq!(found.tool_requests[0].tool, "ledger/add.all");
}

/// The body of the only request.
async fn sent(format: Format, more: Value, question: &Question) -> Value {
    let server = ModelServer::start(Script::default()).await;
    let model = connect(&server, format, more);
    ask(&*model, question, Way::Whole).await.0.unwrap();
    server.requests().remove(0).body
}

#[tokio::test]
async fn parameters_and_schemas_are_sent_and_taken() {
    let parameters = json!({"parameters": {"temperature": "0.5", "topP": "1", "maxOutputTokens": 9, "seed": 3}});
    let mut question = question("?");
    let closed = json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false});
    question.output_schema = Some(closed.clone());
    let openai = sent(Format::OpenAi, parameters.clone(), &question).await;
    assert_eq!((&openai["temperature"], &openai["top_p"], &openai["max_tokens"]), (&json!(0.5), &json!(1.0), &json!(9)));
    assert_eq!((&openai["seed"], &openai["response_format"]["json_schema"]["schema"]), (&json!(3), &closed));
    let anthropic = sent(Format::Anthropic, parameters, &question).await;
    assert_eq!((&anthropic["temperature"], &anthropic["max_tokens"]), (&json!(0.5), &json!(9)));
    assert_eq!(anthropic["output_config"]["format"]["schema"], closed);
    question.output_schema = Some(json!({"type": "object"}));
    for format in super::FORMATS {
        sent(format, json!({}), &question).await;
    }
}
