//! Every fault of a provider ends in a typed outcome, in bounded time and memory.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;
use skreaver_model::{ModelError, ModelErrorKind};
use skreaver_tests::model_server::{ModelServer, Script};

use super::{Way, ask, combinations, connect, connect_with, question, this_key};

/// What the fault ends in for each way, the same in both formats, and what had been told by then.
async fn check(fault: &str, whole: ModelErrorKind, streamed: ModelErrorKind, told_by_then: &str) {
    join_all(combinations().map(async |(format, way)| {
        let rules = format!("[{{fault: {fault}, answer: {{text: 'one two three'}}}}]");
        let server = ModelServer::start(Script::rules(&rules)).await;
        // Only what hangs has to wait for the deadline; the rest ends by itself, on a busy machine too.
        let hangs = [whole, streamed].contains(&ModelErrorKind::Timeout);
        let timeout = if hangs { "2s" } else { "60s" };
        let model = connect_with(&server, format, json!({ "timeout": timeout }), this_key("sk-basalt"));
        let started = Instant::now();
        let (outcome, told) = ask(&*model, &question("amber prompt"), way).await;
        let error = outcome.expect_err(fault);
        let (kind, text) = if way == Way::Whole { (whole, "") } else { (streamed, told_by_then) };
        assert_eq!(error.kind, kind, "{fault} {format:?} {way:?}: {error}");
        assert_eq!(told.concat(), text, "{fault} {format:?} {way:?}");
        assert!(started.elapsed() < Duration::from_secs(50), "{fault} {format:?} {way:?}");
        assert_eq!(server.calls(), 1);
        assert_no_secret(&error);
    }))
    .await;
}

fn assert_no_secret(error: &ModelError) {
    for text in [error.to_string(), format!("{error:?}"), format!("{error:#?}")] {
        assert!(!text.contains("basalt") && !text.contains("amber"), "{text}");
    }
}

#[tokio::test]
async fn refusals_have_their_kinds() {
    use ModelErrorKind::{ContextTooLong, Overloaded, RateLimited, Refused, Unauthorized, UnknownModel};
    check("{status: {status: 429}}", RateLimited, RateLimited, "").await;
    for status in [500, 502, 503, 529] {
        check(&format!("{{status: {{status: {status}}}}}"), Overloaded, Overloaded, "").await;
    }
    check("{status: {status: 403}}", Unauthorized, Unauthorized, "").await;
    check("{status: {status: 404}}", UnknownModel, UnknownModel, "").await;
    check("{status: {status: 307}}", UnknownModel, UnknownModel, "").await;
    check("{status: {status: 422}}", Refused, Refused, "").await;
    check("context_too_long", ContextTooLong, ContextTooLong, "").await;
}

#[tokio::test]
async fn answers_that_break_off_are_cut() {
    use ModelErrorKind::{Cut, Overloaded};
    check("{cut: {after: 0}}", Cut, Cut, "").await;
    check("{cut: {after: 100}}", Cut, Cut, "one two three").await;
    check("no_end", Cut, Cut, "one two three").await;
    check("{error_in_stream: {after: 1}}", Overloaded, Overloaded, "").await;
    // Text that was told is not asked for again, whatever went wrong then.
    check("{error_in_stream: {after: 100}}", Overloaded, Cut, "one two three").await;
}

#[tokio::test]
async fn what_is_no_answer_is_garbage() {
    use ModelErrorKind::Garbage;
    check("wrong_json", Garbage, Garbage, "").await;
    check("wrong_shape", Garbage, Garbage, "").await;
    check("html", Garbage, Garbage, "").await;
}

#[tokio::test]
async fn usage_that_cannot_be_is_garbage() {
    for (format, way) in combinations() {
        let server = ModelServer::start(Script::rules("[{fault: wrong_usage}]")).await;
        let outcome = ask(&*connect(&server, format, json!({})), &question("?"), way).await.0;
        assert_eq!(outcome.unwrap_err().kind, ModelErrorKind::Garbage, "{format:?} {way:?}");
    }
}

#[tokio::test]
async fn answers_without_end_are_given_up_at_a_size() {
    use ModelErrorKind::Garbage;
    check("endless_frame", Garbage, Garbage, "").await;
}

#[tokio::test]
async fn frames_without_end_are_given_up_at_a_size_or_in_time() {
    for (format, way) in combinations() {
        let server = ModelServer::start(Script::rules("[{fault: endless, answer: {text: 'word after word'}}]")).await;
        let model = connect(&server, format, json!({"timeout": "3s"}));
        let (outcome, told) = ask(&*model, &question("?"), way).await;
        let kind = outcome.unwrap_err().kind;
        // Frames are small: a slow machine does not reach the size in time.
        let late = way == Way::Streamed && kind == ModelErrorKind::Timeout;
        assert!(kind == ModelErrorKind::Garbage || late, "{format:?} {way:?}: {kind:?}");
        assert!(told.iter().map(String::len).sum::<usize>() <= (4 << 20) + (64 << 10));
    }
}

#[tokio::test]
async fn silence_ends_in_time() {
    use ModelErrorKind::Timeout;
    check("hang", Timeout, Timeout, "").await;
    check("{stall: {after: 100}}", Timeout, Timeout, "one two three").await;
}

#[tokio::test]
async fn a_slow_answer_within_the_deadline_is_an_answer() {
    for (format, way) in combinations() {
        let server = ModelServer::start(Script::rules("[{delay_ms: 300, answer: {text: late}}]")).await;
        let answer = ask(&*connect(&server, format, json!({})), &question("?"), way).await.0.unwrap();
        assert_eq!(answer.text, "late");
    }
}

#[tokio::test]
async fn a_model_that_is_unknown_or_away_is_told_apart() {
    for (format, way) in combinations() {
        let server = ModelServer::start(Script::default()).await;
        let unknown = connect(&server, format, json!({"name": "basalt"}));
        let error = ask(&*unknown, &question("?"), way).await.0.unwrap_err();
        assert_eq!((error.kind, error.model.ends_with("/basalt")), (ModelErrorKind::UnknownModel, true), "{error}");
        let elsewhere = connect(&server, format, json!({"baseURL": format!("{}/other/v1", server.url())}));
        assert_eq!(ask(&*elsewhere, &question("?"), way).await.0.unwrap_err().kind, ModelErrorKind::UnknownModel);
        let away = connect(&server, format, json!({"baseURL": format!("http://127.0.0.1:{}", skreaver_tests::free_port())}));
        let error = ask(&*away, &question("?"), way).await.0.unwrap_err();
        assert_eq!(error.kind, ModelErrorKind::Unreachable, "{error}");
    }
}
