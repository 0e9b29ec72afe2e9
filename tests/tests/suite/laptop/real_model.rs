//! A real small model: its text streams through our provider.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::json;
use skreaver_model::{Proxies, Question, StopReason, http_client, model};
use skreaver_protocol::message::Message;
use skreaver_tests::root;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The model's server, and where it listens.
async fn serve() -> (Child, String) {
    let setup = Command::new(root().join("tests/clients/real-model")).output().await.unwrap();
    assert!(setup.status.success(), "{}", String::from_utf8_lossy(&setup.stderr));
    let command = String::from_utf8(setup.stdout).unwrap();
    let mut node = Command::new("node");
    node.args(command.split_whitespace()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut server = node.spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let url = lines.next_line().await.unwrap().expect("the server prints its address");
    (server, url)
}

#[tokio::test]
#[ignore = "fetches 500 MB of packages and needs node: make soak"]
async fn the_text_of_a_real_model_streams_through() {
    let (_server, url) = serve().await;
    let config = json!({
        "provider": "OpenAICompatible", "name": "smollm2-135m", "baseURL": url, "timeout": "120s", "maxAttempts": 1,
        "parameters": {"temperature": "0", "maxOutputTokens": 64},
    });
    let client = http_client(Proxies::Ignored).unwrap();
    let model = model(&serde_json::from_value(config).unwrap(), Arc::new(|| Ok(None)), &client).unwrap();
    let question = Question {
        instructions: Some("You answer in one short sentence.".into()),
        messages: vec![Message::User { text: "What is the capital of France?".into() }],
        tools: vec![],
        output_schema: None,
    };
    let told = Mutex::new(Vec::new());
    let tell = |text: &str| told.lock().unwrap().push(text.to_owned());
    let streamed = model.ask(&question, Some(&tell)).await.unwrap();
    let told = told.into_inner().unwrap();
    println!("{told:?}\n{streamed:?}");
    assert!(told.len() > 3, "{told:?}");
    assert_eq!(told.concat(), streamed.text);
    assert!(streamed.text.contains("Paris"), "{}", streamed.text);
    assert!(streamed.tokens.input > 0 && streamed.tokens.output > 0);
    assert_eq!(streamed.stop, StopReason::Complete);
    let whole = model.ask(&question, None).await.unwrap();
    assert_eq!(whole.text, streamed.text);
}
