//! What goes wrong with answers.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, StatusCode};
use futures::stream;
use serde::Deserialize;

use super::request::{Format, Refusal};
use super::{Answer, anthropic, openai, respond, status};

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// A status, as the provider words it.
    Status {
        /// The status.
        status: u16,
        /// The header `Retry-After`: seconds or a date.
        #[serde(default)]
        retry_after: Option<String>,
        /// The provider's word for it, instead of the usual one.
        #[serde(default)]
        code: Option<String>,
    },
    /// The conversation is longer than the model takes.
    ContextTooLong,
    /// The connection breaks after so many frames of a stream, at the latest before its last one, or in the middle of a whole
    /// answer.
    Cut {
        /// How many frames still come.
        after: usize,
    },
    /// The stream ends in good order, but without its last frame, which says that it is complete.
    NoEnd,
    /// The stream tells of an error after so many frames. Answers that are whole are refused with 500.
    ErrorInStream {
        /// How many frames still come.
        after: usize,
    },
    /// JSON that breaks off, in a frame or whole.
    WrongJson,
    /// Good JSON that is no answer.
    WrongShape,
    /// Usage that cannot be: negative.
    WrongUsage,
    /// A web page.
    Html,
    /// An answer that never ends: frame after frame, or a body.
    Endless,
    /// A stream whose first frame never ends.
    EndlessFrame,
    /// Nothing, ever.
    Hang,
    /// Nothing more after so many frames.
    Stall {
        /// How many frames still come.
        after: usize,
    },
}

/// A piece of a body.
pub(super) enum Piece {
    Frame(String),
    /// Again and again.
    Endless(String),
    /// Nothing more, and no end.
    Hang,
    /// The connection breaks.
    Cut,
}

/// The body of these pieces as a stream of events.
pub(super) fn stream(pieces: VecDeque<Piece>) -> Response<Body> {
    body("text/event-stream", pieces)
}

fn body(content_type: &'static str, pieces: VecDeque<Piece>) -> Response<Body> {
    let next = |mut pieces: VecDeque<Piece>| async move {
        let bytes = match pieces.pop_front()? {
            Piece::Frame(text) => Bytes::from(text),
            Piece::Endless(text) => {
                let bytes = Bytes::from(text.clone());
                pieces.push_front(Piece::Endless(text));
                bytes
            }
            Piece::Hang => std::future::pending().await,
            Piece::Cut => {
                // What was written before is to arrive before.
                tokio::time::sleep(Duration::from_millis(20)).await;
                return Some((Err(std::io::Error::other("the scripted cut")), pieces));
            }
        };
        Some((Ok(bytes), pieces))
    };
    let response = Response::builder().header("content-type", content_type);
    response.body(Body::from_stream(stream::unfold(pieces, next))).expect("a valid response")
}

impl Fault {
    /// The status that an answer with this fault begins with.
    pub(super) const fn status(&self) -> u16 {
        match self {
            Self::Status { status, retry_after: _, code: _ } => *status,
            Self::ContextTooLong => 400,
            Self::Cut { .. }
            | Self::NoEnd
            | Self::ErrorInStream { .. }
            | Self::WrongJson
            | Self::WrongShape
            | Self::WrongUsage
            | Self::Html
            | Self::Endless
            | Self::EndlessFrame
            | Self::Hang
            | Self::Stall { .. } => 200,
        }
    }

    pub(super) async fn respond(self, format: Format, answer: &Answer<'_>, streamed: bool) -> Response<Body> {
        match self {
            Self::Status { status: code, retry_after, code: word } => refused(format, code, retry_after, word),
            Self::ContextTooLong => too_long(format),
            Self::Html => body("text/html", VecDeque::from([Piece::Frame("<!doctype html><p>Sign in</p>".into())])),
            Self::Hang => match std::future::pending::<Infallible>().await {},
            fault if streamed => stream(fault.pieces(format, answer)),
            fault => fault.whole(format, answer),
        }
    }

    /// The pieces of a stream.
    fn pieces(self, format: Format, answer: &Answer<'_>) -> VecDeque<Piece> {
        let mut frames = format.frames(answer);
        let longest = frames.len() - 1;
        let last = match self {
            Self::Cut { after } => {
                frames.truncate(after.min(longest));
                Some(Piece::Cut)
            }
            Self::Stall { after } => {
                frames.truncate(after.min(longest));
                Some(Piece::Hang)
            }
            Self::ErrorInStream { after } => {
                frames.truncate(after.min(longest));
                Some(Piece::Frame(error_frame(format)))
            }
            Self::NoEnd => {
                frames.pop();
                None
            }
            Self::WrongJson => {
                frames.truncate(1);
                Some(Piece::Frame("data: {\"choices\": [\n\n".into()))
            }
            Self::WrongShape => {
                frames.truncate(1);
                Some(Piece::Frame("data: {\"choices\": 7, \"type\": 7}\n\n".into()))
            }
            Self::WrongUsage => {
                frames.iter_mut().for_each(|frame| *frame = negative_usage(frame));
                None
            }
            Self::Endless => endless_frame(&mut frames),
            Self::EndlessFrame => {
                frames.clear();
                Some(Piece::Endless("x".repeat(16 << 10)))
            }
            Self::Status { .. } | Self::ContextTooLong | Self::Html | Self::Hang => None,
        };
        frames.into_iter().map(Piece::Frame).chain(last).collect()
    }

    /// An answer that is whole, and yet not.
    fn whole(self, format: Format, answer: &Answer<'_>) -> Response<Body> {
        let mut text = format.whole(answer).to_string();
        if self == Self::WrongUsage {
            return respond(StatusCode::OK, negative_usage(&text));
        }
        text.truncate(text.len() / 2);
        match self {
            Self::WrongJson => respond(StatusCode::OK, text),
            Self::WrongShape => respond(StatusCode::OK, r#"{"choices": 7, "content": 7}"#.into()),
            Self::ErrorInStream { .. } => refused(format, 500, None, None),
            Self::Endless | Self::EndlessFrame => body("application/json", [Piece::Endless(" ".repeat(16 << 10))].into()),
            Self::Stall { .. } => body("application/json", [Piece::Frame(text), Piece::Hang].into()),
            Self::Cut { .. }
            | Self::NoEnd
            | Self::WrongUsage
            | Self::Status { .. }
            | Self::ContextTooLong
            | Self::Html
            | Self::Hang => body("application/json", [Piece::Frame(text), Piece::Cut].into()),
        }
    }
}

fn negative_usage(json: &str) -> String {
    json.replace("_tokens\":", "_tokens\":-1")
}

/// The frame that has the first word is repeated.
fn endless_frame(frames: &mut Vec<String>) -> Option<Piece> {
    let place = frames
        .iter()
        .position(|frame| frame.contains("text_delta") || frame.contains("\"content\":\"") && !frame.contains("role"))?;
    frames.truncate(place + 1);
    frames.pop().map(Piece::Endless)
}

fn error_frame(format: Format) -> String {
    match format {
        Format::OpenAi => openai::error_frame("server_error"),
        Format::Anthropic => anthropic::error_frame("overloaded_error"),
    }
}

fn refused(format: Format, code: u16, retry_after: Option<String>, word: Option<String>) -> Response<Body> {
    let usual = match (format, code) {
        (Format::OpenAi, 429) => "rate_limit_exceeded",
        (Format::OpenAi, _) => "server_error",
        (Format::Anthropic, 429) => "rate_limit_error",
        (Format::Anthropic, 529) => "overloaded_error",
        (Format::Anthropic, _) => "api_error",
    };
    let refusal = Refusal { status: code, code: usual, message: "the scripted status".into() };
    let mut json = format.refusal(&refusal);
    if let Some(word) = word {
        json["error"][if format == Format::OpenAi { "code" } else { "type" }] = word.into();
    }
    let mut response = respond(status(code), json.to_string());
    if let Some(value) = retry_after.and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().insert("retry-after", value);
    }
    response
}

fn too_long(format: Format) -> Response<Body> {
    let (code, message) = match format {
        Format::OpenAi => ("context_length_exceeded", "This model's maximum context length is 8 tokens."),
        Format::Anthropic => ("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
    };
    respond(StatusCode::BAD_REQUEST, format.refusal(&Refusal { status: 400, code, message: message.into() }).to_string())
}
