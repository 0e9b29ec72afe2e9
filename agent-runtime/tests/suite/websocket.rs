//! WebSocket: runs, cancels and approvals over one connection, and clients that break the protocol or do not read.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use skreaver::protocol::ToolName;
use skreaver::{Runtime, WebSocketConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::support::{Held, Served, config, serve_runtime, until};

const AGENTS: &str = "agents: [{name: amber, tools: [{name: uppercase, source: {type: Builtin}}]}]";
const SOON: Duration = Duration::from_secs(20);

/// A served runtime whose one tool ends when it is let go, and the runtime itself.
struct Stage {
    served: Served,
    runtime: Arc<Runtime>,
    gate: Arc<Semaphore>,
}

impl Stage {
    async fn new(websocket: WebSocketConfig) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let builder = Runtime::builder().config(config(AGENTS)).websocket(websocket);
        let tool = Arc::new(Held(Arc::clone(&gate)));
        let runtime = Arc::new(builder.tool(ToolName::parse("uppercase").unwrap(), tool).build().unwrap());
        Self { served: serve_runtime(Arc::clone(&runtime)).await, runtime, gate }
    }

    async fn open(&self) -> Client {
        let (client, answer) = self.handshake("").await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        client
    }

    /// Asks for a WebSocket with these headers besides, and returns what is answered before the first frame.
    async fn handshake(&self, headers: &str) -> (Client, String) {
        let mut stream = TcpStream::connect(self.served.address).await.unwrap();
        let host = self.served.address;
        let request = format!(
            "GET /ws/agents/amber HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(timeout(SOON, stream.read_u8()).await.unwrap().unwrap());
        }
        (Client(stream), String::from_utf8(answer).unwrap())
    }
}

/// The bare socket of a client that knows how frames are made, and how they should not be.
struct Client(TcpStream);

/// A frame from the runtime: its opcode and what it carries.
type Frame = (u8, Vec<u8>);

/// A frame of a client, whose mask is nothing: allowed, and easy to read.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..65536 => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

impl Client {
    async fn send(&mut self, bytes: &[u8]) {
        // Who is cut off while it sends reads why.
        let _ = self.0.write_all(bytes).await;
    }

    async fn say(&mut self, message: &Value) {
        self.send(&frame(0x81, message.to_string().as_bytes())).await;
    }

    async fn frame(&mut self) -> Option<Frame> {
        timeout(SOON, async {
            let (first, length) = (self.0.read_u8().await.ok()?, self.0.read_u8().await.ok()?);
            let length = match length {
                126 => u64::from(self.0.read_u16().await.ok()?),
                127 => self.0.read_u64().await.ok()?,
                short => u64::from(short),
            };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.0.read_exact(&mut payload).await.ok()?;
            Some((first & 0x0f, payload))
        })
        .await
        .expect("it comes in time")
    }

    /// The next message, whatever beats come before it.
    async fn hear(&mut self) -> Value {
        loop {
            match self.frame().await.expect("the connection goes on") {
                (1, text) => return serde_json::from_slice(&text).unwrap(),
                (9 | 10, _) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The events of a run up to one of this kind, whatever is told of other runs between.
    async fn hear_event(&mut self, request: &str, kind: &str) -> Value {
        loop {
            let message = self.hear().await;
            if message["request"] == request && message["event"]["type"] == kind {
                return message;
            }
            assert_ne!(message["event"]["type"], "failed", "{message}");
        }
    }

    /// The code with which the connection is closed; nothing where it just ends.
    async fn closed(&mut self) -> Option<u16> {
        loop {
            if let (8, payload) = self.frame().await? {
                return Some(u16::from_be_bytes(payload[..2].try_into().unwrap()));
            }
        }
    }
}

#[tokio::test]
async fn many_runs_go_on_over_one_connection() {
    let stage = Stage::new(WebSocketConfig::new()).await;
    let mut client = stage.open().await;
    for name in ["one", "two"] {
        client.say(&json!({ "type": "observe", "input": format!("uppercase:{name}"), "request": name })).await;
        client.hear_event(name, "tool_call").await;
    }
    stage.gate.add_permits(2);
    let mut answers = Vec::new();
    while answers.len() < 2 {
        let message = client.hear().await;
        if message["event"]["type"] == "completed" {
            assert_eq!(message["run"], message["event"]["response"]["run"]);
            answers.push((message["request"].clone(), message["event"]["response"]["output"].clone()));
        }
    }
    answers.sort_by_key(|(request, _)| request.to_string());
    assert_eq!(answers, [(json!("one"), json!("one")), (json!("two"), json!("two"))]);
    // Binary is JSON as well.
    client.send(&frame(0x82, br#"{"type": "observe", "input": "hello", "request": "three"}"#)).await;
    assert_eq!(client.hear_event("three", "completed").await["event"]["response"]["output"], "hello");
    stage.served.stop().await;
}

#[tokio::test]
async fn a_run_is_cancelled_and_the_connection_goes_on() {
    let stage = Stage::new(WebSocketConfig::new()).await;
    let mut client = stage.open().await;
    client.say(&json!({ "type": "observe", "input": "uppercase:x", "request": "one" })).await;
    let run = client.hear_event("one", "tool_call").await["run"].clone();
    client.say(&json!({ "type": "cancel", "run": run })).await;
    let end = loop {
        let message = client.hear().await;
        if message["event"]["type"] == "failed" {
            break message;
        }
    };
    assert_eq!((&end["run"], &end["event"]["problem"]["code"]), (&run, &json!("cancelled")));
    let agent = stage.runtime.agent("amber").unwrap();
    until(async || (agent.status().running == 0).then_some(())).await;
    client.say(&json!({ "type": "observe", "input": "hello", "request": "two" })).await;
    client.hear_event("two", "completed").await;
    stage.served.stop().await;
}

#[tokio::test]
async fn what_is_not_understood_is_a_problem_and_no_end() {
    let stage = Stage::new(WebSocketConfig::new()).await;
    let mut client = stage.open().await;
    let mut check = async |message: &str, code: &str| {
        client.send(&frame(0x81, message.as_bytes())).await;
        let answer = client.hear().await;
        assert_eq!((&answer["type"], &answer["problem"]["code"]), (&json!("problem"), &json!(code)), "{message}");
    };
    check("", "malformed_json").await;
    check("{", "malformed_json").await;
    check("[]", "invalid_request").await;
    check(r#"{"type": "levitate"}"#, "invalid_request").await;
    check(r#"{"type": "observe"}"#, "invalid_request").await;
    check(r#"{"type": "observe", "input": "x", "inputs": "y"}"#, "invalid_request").await;
    check(r#"{"type": "cancel", "run": "x"}"#, "invalid_request").await;
    check(r#"{"type": "cancel", "run": "01990f7c-7c5e-7c3a-9f7e-0c8f0b9a3d21"}"#, "memory_required").await;
    check(r#"{"type": "decide", "approval": "nothing", "decision": "Approve"}"#, "unknown_approval").await;
    client.say(&json!({ "type": "observe", "input": "x", "session": "s", "request": "one" })).await;
    assert_eq!(client.hear_event("one", "failed").await["event"]["problem"]["code"], "memory_required");
    stage.served.stop().await;
}

#[tokio::test]
async fn who_breaks_the_protocol_is_told_with_which_code_and_closed() {
    let stage = Stage::new(WebSocketConfig::new()).await;
    let check = async |bytes: &[u8], code: u16, what: &str| {
        let mut client = stage.open().await;
        client.send(bytes).await;
        assert_eq!(client.closed().await, Some(code), "{what}");
    };
    check(&frame(0xc1, b"{}"), 1002, "a reserved bit").await;
    check(&frame(0x83, b"{}"), 1002, "a reserved opcode").await;
    check(&[0x81, 2, b'{', b'}'], 1002, "no mask").await;
    check(&frame(0x80, b"{}"), 1002, "a continuation of nothing").await;
    check(&[frame(0x01, b"{"), frame(0x81, b"}")].concat(), 1002, "a message within another").await;
    check(&frame(0x09, b"x"), 1002, "a ping in fragments").await;
    check(&frame(0x89, &[b'x'; 126]), 1002, "a large ping").await;
    check(&frame(0x8a, &[b'x'; 126]), 1002, "a large pong").await;
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        check(&frame(0x80 | opcode, b""), 1002, &format!("the opcode {opcode}")).await;
    }
    for bits in [0x40, 0x20, 0x10, 0x70] {
        check(&frame(0x81 | bits, b"{}"), 1002, &format!("the reserved bits {bits}")).await;
    }
    check(&frame(0x08, &1000_u16.to_be_bytes()), 1002, "a close in fragments").await;
    check(&[frame(0x01, b"{"), frame(0x89, b""), frame(0x82, b"}")].concat(), 1002, "a message within another, past a ping")
        .await;
    check(&frame(0x81, &[0xff, 0xfe]), 1007, "a text that is not UTF-8").await;
    check(&frame(0x81, b"\"\xed\xa0\x80\""), 1007, "a surrogate in a text").await;
    check(&frame(0x81, b"\"\xf4\x90\x80\x80\""), 1007, "a character beyond the last").await;
    check(&frame(0x81, b"\"\xe2\x82"), 1007, "half a character at the end").await;
    check(&[frame(0x01, b"\"\xe2\x82"), frame(0x80, b"A\"")].concat(), 1007, "half a character, then another").await;
    check(&[0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1009, "a frame of 2^63 bytes").await;
    check(&[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], 1009, "a frame of 2^64 - 1 bytes").await;
    check(&[0x81, 0xff, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0], 1009, "a huge frame, before it is sent").await;
    let endless = [frame(0x01, &[b' '; 60_000]), frame(0x00, &[b' '; 60_000]).repeat(20)].concat();
    check(&endless, 1009, "a message without an end").await;
    check(&frame(0x89, b"x").repeat(2_000), 1008, "a flood of pings").await;
    until(async || (stage.runtime.websockets().connections() == 0).then_some(())).await;
    stage.served.stop().await;
}

#[tokio::test]
async fn a_character_may_be_split_over_fragments() {
    let stage = Stage::new(WebSocketConfig::new()).await;
    let mut client = stage.open().await;
    let said = r#"{"type": "observe", "input": "1 \u{20ac}", "request": "one"}"#.replace(r"\u{20ac}", "\u{20ac}");
    let middle = said.find('\u{20ac}').unwrap() + 1;
    let (first, second) = said.as_bytes().split_at(middle);
    client
        .send(&[frame(0x01, first), frame(0x89, b"between"), frame(0x00, &second[..1]), frame(0x80, &second[1..])].concat())
        .await;
    assert_eq!(client.frame().await, Some((10, b"between".to_vec())), "a ping between fragments is answered");
    assert_eq!(client.hear_event("one", "completed").await["event"]["response"]["output"], "1 \u{20ac}");
    stage.served.stop().await;
}

#[tokio::test]
async fn a_close_is_answered_with_its_code_and_one_that_must_not_be_sent_with_a_protocol_error() {
    let stage = Stage::new(WebSocketConfig::new()).await;
    let check = async |payload: &[u8], answer: Option<u16>| {
        let mut client = stage.open().await;
        client.send(&frame(0x88, payload)).await;
        match client.frame().await {
            Some((8, told)) => {
                let code = told.get(..2).map(|code| u16::from_be_bytes(code.try_into().unwrap()));
                assert_eq!(code, answer, "{payload:?}");
            }
            other => panic!("{payload:?}: {other:?}"),
        }
        assert_eq!(client.frame().await, None, "{payload:?}: nothing follows a close");
    };
    check(b"", None).await;
    for good in [1000, 1001, 1003, 1007, 1011, 3000, 4999] {
        check(&u16::to_be_bytes(good), Some(good)).await;
    }
    for bad in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        check(&u16::to_be_bytes(bad), Some(1002)).await;
    }
    check(b"\x03", Some(1002)).await;
    check(b"\x03\xe8\xff\xfe", Some(1007)).await;
    until(async || (stage.runtime.websockets().connections() == 0).then_some(())).await;
    stage.served.stop().await;
}

#[tokio::test]
async fn what_is_no_handshake_is_refused_and_holds_no_place() {
    let stage = Stage::new(WebSocketConfig::new().with_max_connections(1)).await;
    let good = "GET /ws/agents/amber HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let check = async |from: &str, to: &str, status: u16| {
        let mut stream = TcpStream::connect(stage.served.address).await.unwrap();
        stream.write_all(good.replace(from, to).as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        timeout(SOON, stream.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(std::str::from_utf8(&answer).unwrap(), format!("HTTP/1.1 {status}"), "{from} -> {to}");
    };
    check("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12", 422).await;
    check("Sec-WebSocket-Version: 13\r\n", "", 422).await;
    check("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 422).await;
    check("Upgrade: websocket", "Upgrade: h2c", 422).await;
    check("Upgrade: websocket\r\n", "", 422).await;
    check("Connection: Upgrade", "Connection: close", 422).await;
    check("GET /ws", "POST /ws", 405).await;
    check("/ws/agents/amber", "/ws/agents/nobody", 404).await;
    check("/ws/agents/amber", "/ws/agents/amber/", 404).await;
    // Half of one holds nothing but its socket.
    let mut half = TcpStream::connect(stage.served.address).await.unwrap();
    half.write_all(&good.as_bytes()[..good.len() - 2]).await.unwrap();
    // Nor does one whose client leaves before the answer.
    for _ in 0..20 {
        let mut gone = TcpStream::connect(stage.served.address).await.unwrap();
        gone.write_all(good.as_bytes()).await.unwrap();
        drop(gone);
        until(async || (stage.runtime.websockets().connections() == 0).then_some(())).await;
    }
    drop(stage.open().await);
    stage.served.stop().await;
}

#[tokio::test]
async fn an_agent_answers_others_while_one_is_abused() {
    let stage = Stage::new(WebSocketConfig::new()).await;
    let mut honest = stage.open().await;
    let abuse = [
        frame(0x01, &[b' '; 60_000]),
        [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0].to_vec(),
        frame(0x89, b"x").repeat(200),
        vec![0xff; 10_000],
    ];
    let mut abusers = Vec::new();
    for round in 0..40 {
        let mut abuser = stage.open().await;
        abuser.send(&abuse[round % abuse.len()]).await;
        abusers.push(abuser);
        let name = round.to_string();
        honest.say(&json!({ "type": "observe", "input": "hello", "request": name })).await;
        honest.hear_event(&name, "completed").await;
    }
    drop(abusers);
    until(async || (stage.runtime.websockets().connections() == 1).then_some(())).await;
    stage.served.stop().await;
}

#[tokio::test]
async fn one_connection_too_many_is_refused_with_a_problem() {
    let stage = Stage::new(WebSocketConfig::new().with_max_connections(2)).await;
    let (first, _second) = (stage.open().await, stage.open().await);
    let (mut third, answer) = stage.handshake("").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("application/problem+json"), "{answer}");
    let mut body = vec![0; 400];
    let length = third.0.read(&mut body).await.unwrap();
    assert!(String::from_utf8_lossy(&body[..length]).contains("too_many_connections"));
    assert_eq!(stage.runtime.websockets().connections(), 2);
    let told = stage.served.client.get(stage.served.url("/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(told.contains("websocket_connections_active 2"), "{told}");
    drop(first);
    until(async || stage.handshake("").await.1.starts_with("HTTP/1.1 101").then_some(())).await;
    stage.served.stop().await;
}

#[tokio::test]
async fn pages_of_others_are_refused_and_the_subprotocol_is_agreed() {
    let stage = Stage::new(WebSocketConfig::new()).await;
    let (_, answer) = stage.handshake("Origin: https://evil.example\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let own = format!("Origin: http://{}\r\nSec-WebSocket-Protocol: other, skreaver.v1\r\n", stage.served.address);
    let (_, answer) = stage.handshake(&own).await;
    assert!(answer.starts_with("HTTP/1.1 101 ") && answer.contains("sec-websocket-protocol: skreaver.v1"), "{answer}");
    let (status, problem) = stage.served.get("/ws/agents/amber").await;
    assert_eq!((status, &problem["code"]), (422, &json!("invalid_request")));
    stage.served.stop().await;
}

#[tokio::test]
async fn who_gives_no_sign_of_life_is_reaped() {
    let stage = Stage::new(WebSocketConfig::new().with_heartbeat_interval(Duration::from_millis(100))).await;
    let mut client = stage.open().await;
    assert_eq!(client.frame().await, Some((9, Vec::new())), "a heartbeat");
    assert_eq!(client.closed().await, Some(1008));
    until(async || (stage.runtime.websockets().connections() == 0).then_some(())).await;
    stage.served.stop().await;
}

#[tokio::test]
async fn who_answers_heartbeats_stays() {
    let stage = Stage::new(WebSocketConfig::new().with_heartbeat_interval(Duration::from_millis(50))).await;
    let mut client = stage.open().await;
    for _ in 0..8 {
        assert_eq!(client.frame().await, Some((9, Vec::new())));
        client.send(&frame(0x8a, b"")).await;
    }
    assert_eq!(stage.runtime.websockets().connections(), 1);
    stage.served.stop().await;
}

#[tokio::test]
async fn who_reads_nothing_is_cut_off() {
    let stage = Stage::new(WebSocketConfig::new().with_heartbeat_interval(Duration::from_millis(300))).await;
    let mut client = stage.open().await;
    let large = json!({ "type": "observe", "input": "x".repeat(900_000) });
    // Sends until it is cut off, and reads nothing: answers fill what lies between.
    let sent = timeout(SOON, async { while client.0.write_all(&frame(0x81, large.to_string().as_bytes())).await.is_ok() {} });
    sent.await.expect("it is cut off in time");
    until(async || (stage.runtime.websockets().connections() == 0).then_some(())).await;
    stage.served.stop().await;
}

#[tokio::test]
async fn a_drain_lets_runs_end_and_closes() {
    let stage = Stage::new(WebSocketConfig::new()).await;
    let (mut busy, mut idle) = (stage.open().await, stage.open().await);
    busy.say(&json!({ "type": "observe", "input": "uppercase:x", "request": "one" })).await;
    busy.hear_event("one", "tool_call").await;
    stage.served.shutdown.cancel();
    assert_eq!(idle.closed().await, Some(1001));
    busy.say(&json!({ "type": "observe", "input": "late" })).await;
    assert_eq!(busy.hear().await["type"], "problem");
    stage.gate.add_permits(1);
    busy.hear_event("one", "completed").await;
    assert_eq!(busy.closed().await, Some(1001));
    stage.served.stop().await;
}
