//! What is asked again, when, and with which key.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::join_all;
use secrecy::SecretString;
use serde_json::json;
use skreaver_model::{Key, ModelErrorKind};
use skreaver_tests::model_server::{Format, ModelServer, Script};

use super::{FORMATS, Way, ask, combinations, connect, connect_with, question, this_key};

#[tokio::test]
async fn what_passes_is_asked_again_until_it_is_answered() {
    for fault in ["{status: {status: 500}}", "{status: {status: 529}}", "wrong_json", "{cut: {after: 1}}"] {
        join_all(combinations().map(async |(format, way)| {
            let rules = format!("[{{times: 2, fault: {fault}}}, {{answer: {{text: there}}}}]");
            let server = ModelServer::start(Script::rules(&rules)).await;
            let model = connect(&server, format, json!({"maxAttempts": 3}));
            let started = Instant::now();
            let (outcome, told) = ask(&*model, &question("?"), way).await;
            assert_eq!(outcome.unwrap().text, "there", "{fault} {format:?} {way:?}");
            assert_eq!(told.concat(), if way == Way::Streamed { "there" } else { "" });
            assert_eq!(server.calls(), 3);
            // Half of 200 and of 400 ms at least.
            assert!(started.elapsed() >= Duration::from_millis(300));
        }))
        .await;
    }
}

#[tokio::test]
async fn attempts_are_counted() {
    let server = ModelServer::start(Script::rules("[{fault: {status: {status: 503}}}]")).await;
    let model = connect(&server, Format::OpenAi, json!({"maxAttempts": 2}));
    assert_eq!(ask(&*model, &question("?"), Way::Whole).await.0.unwrap_err().kind, ModelErrorKind::Overloaded);
    assert_eq!(server.calls(), 2);
}

#[tokio::test]
async fn what_does_not_pass_is_asked_once() {
    for fault in ["{status: {status: 403}}", "{status: {status: 422}}", "context_too_long", "{status: {status: 404}}"] {
        let server = ModelServer::start(Script::rules(&format!("[{{fault: {fault}}}]"))).await;
        let model = connect(&server, Format::Anthropic, json!({"maxAttempts": 5}));
        assert!(ask(&*model, &question("?"), Way::Whole).await.0.is_err());
        assert_eq!(server.calls(), 1, "{fault}");
    }
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    for format in FORMATS {
        let rules = "[{times: 1, fault: {status: {status: 429, retry_after: '1'}}}, {answer: {text: there}}]";
        let server = ModelServer::start(Script::rules(rules)).await;
        let model = connect(&server, format, json!({"maxAttempts": 2}));
        let started = Instant::now();
        assert_eq!(ask(&*model, &question("?"), Way::Whole).await.0.unwrap().text, "there");
        assert!((1000..2000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
        assert_eq!(server.calls(), 2);
    }
}

#[tokio::test]
async fn a_long_retry_after_is_handed_to_the_caller_at_once() {
    for (format, way) in combinations() {
        let server = ModelServer::start(Script::rules("[{fault: {status: {status: 429, retry_after: '120'}}}]")).await;
        let model = connect(&server, format, json!({"maxAttempts": 5}));
        let started = Instant::now();
        let error = ask(&*model, &question("?"), way).await.0.unwrap_err();
        assert_eq!((error.kind, error.retry_after), (ModelErrorKind::RateLimited, Some(Duration::from_secs(120))));
        assert_eq!(server.calls(), 1);
        assert!(started.elapsed() < Duration::from_secs(1));
    }
}

#[tokio::test]
async fn told_text_is_never_told_twice() {
    for fault in ["{cut: {after: 100}}", "{error_in_stream: {after: 100}}", "no_end"] {
        for format in FORMATS {
            let rules = format!("[{{times: 1, fault: {fault}, answer: {{text: 'one two'}}}}, {{answer: {{text: 'one two'}}}}]");
            let server = ModelServer::start(Script::rules(&rules)).await;
            let model = connect(&server, format, json!({"maxAttempts": 3}));
            let (outcome, told) = ask(&*model, &question("?"), Way::Streamed).await;
            assert_eq!(outcome.unwrap_err().kind, ModelErrorKind::Cut, "{fault} {format:?}");
            assert_eq!((told.concat().as_str(), server.calls()), ("one two", 1));
        }
    }
}

#[tokio::test]
async fn a_rotated_key_counts_without_a_restart() {
    for format in FORMATS {
        let server = ModelServer::start(Script::default()).await;
        server.set_keys(&["sk-old"]);
        let current = Arc::new(Mutex::new("sk-old"));
        let read = Arc::clone(&current);
        let key: Key = Arc::new(move || Ok(Some(SecretString::from(*read.lock().unwrap()))));
        let model = connect_with(&server, format, json!({}), key);
        assert!(ask(&*model, &question("?"), Way::Whole).await.0.is_ok());
        server.set_keys(&["sk-new"]);
        assert_eq!(ask(&*model, &question("?"), Way::Whole).await.0.unwrap_err().kind, ModelErrorKind::Unauthorized);
        *current.lock().unwrap() = "sk-new";
        assert!(ask(&*model, &question("?"), Way::Streamed).await.0.is_ok());
        assert!(!format!("{:?}", server.requests()).contains("sk-"), "the record holds no key");
    }
}

#[tokio::test]
async fn the_key_is_asked_for_before_each_attempt() {
    let server = ModelServer::start(Script::rules("[{times: 2, fault: {status: {status: 500}}}]")).await;
    let reads = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reads);
    let key: Key = Arc::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(None)
    });
    let model = connect_with(&server, Format::OpenAi, json!({"maxAttempts": 3}), key);
    assert!(ask(&*model, &question("?"), Way::Whole).await.0.is_ok());
    assert_eq!(reads.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn no_key_stands_in_an_error() {
    for (format, way) in combinations() {
        let server = ModelServer::start(Script::default()).await;
        // The server repeats the key that it refuses.
        server.set_keys(&["another"]);
        for key in ["sk-basalt", "sk-basalt\n", "basalt"] {
            let model = connect_with(&server, format, json!({}), this_key(key));
            let error = ask(&*model, &question("?"), way).await.0.unwrap_err();
            assert_eq!(error.kind, ModelErrorKind::Unauthorized);
            for text in [error.to_string(), format!("{error:?}")] {
                assert!(!text.contains("basalt"), "{text}");
            }
        }
        let unreadable: Key = Arc::new(|| Err("failed to read `/run/key`: no such file".into()));
        let error = ask(&*connect_with(&server, format, json!({}), unreadable), &question("?"), way).await.0.unwrap_err();
        assert_eq!(error.kind, ModelErrorKind::Unauthorized);
        assert!(error.detail.contains("/run/key"), "{error}");
    }
}
