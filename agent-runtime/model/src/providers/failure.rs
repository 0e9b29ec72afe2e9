//! What went wrong with one attempt, read from statuses, headers and bodies. Neither keys nor prompts are repeated: of what a
//! provider says only its short codes are.

use std::error::Error;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use serde_json::Value;

use crate::error::ModelErrorKind;

/// Why one attempt gave no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: ModelErrorKind,
    pub(crate) what: String,
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    pub(crate) fn new(kind: ModelErrorKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), retry_after: None }
    }

    /// An answer of another shape than the wire format has.
    pub(crate) fn shape(error: &serde_json::Error) -> Self {
        // Not the error's own text: it may quote the answer.
        let kind = match error.classify() {
            serde_json::error::Category::Data => "JSON of another shape than the wire format has",
            serde_json::error::Category::Eof => "JSON that ends too early",
            serde_json::error::Category::Io | serde_json::error::Category::Syntax => "no JSON",
        };
        let place = format!("line {}, column {}", error.line(), error.column());
        Self::new(ModelErrorKind::Garbage, format!("the answer is {kind} ({place}); check that model.baseURL is a model's"))
    }
}

/// The request did not reach a server, or no head of an answer came back.
pub(crate) fn unsent(error: &reqwest::Error) -> Failure {
    let kind = match error {
        _ if error.is_builder() => ModelErrorKind::Refused,
        _ if error.is_connect() => ModelErrorKind::Unreachable,
        _ if error.is_timeout() => ModelErrorKind::Timeout,
        _ => ModelErrorKind::Cut,
    };
    Failure::new(kind, format!("no answer: {}", root(error)))
}

/// The connection broke while the answer was being read.
pub(crate) fn broken_off(error: &reqwest::Error) -> Failure {
    Failure::new(ModelErrorKind::Cut, format!("the answer was cut off: {}", root(error)))
}

/// The innermost cause: what is around it says only that a request failed, and where to.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if cause.is::<reqwest::Error>() { "the request failed".to_owned() } else { cause.to_string() }
}

/// An error object as OpenAI, Anthropic and those who speak like them send it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Complaint {
    #[serde(rename = "type")]
    kind: Option<String>,
    /// A word at OpenAI; some others repeat the status here.
    code: Option<Value>,
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Envelope {
    Object {
        error: Complaint,
    },
    Text {
        error: String,
    },
    /// Mistral's and FastAPI's.
    Bare {
        message: String,
    },
    List(Vec<Envelope>),
}

impl Complaint {
    fn parse(body: &[u8]) -> Self {
        let said = |message| Self { message: Some(message), ..Self::default() };
        match serde_json::from_slice(body) {
            Ok(Envelope::Object { error }) => error,
            Ok(Envelope::Text { error: message } | Envelope::Bare { message }) => said(message),
            Ok(Envelope::List(list)) => match list.into_iter().next() {
                Some(Envelope::Object { error }) => error,
                _ => Self::default(),
            },
            Err(_) => Self::default(),
        }
    }

    /// Whether type or code is this word.
    fn is(&self, word: &str) -> bool {
        self.words().any(|found| found == word)
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        let code = self.code.as_ref().and_then(Value::as_str);
        code.into_iter().chain(self.kind.as_deref())
    }

    fn says(&self, phrases: &[&str]) -> bool {
        let message = self.message.as_deref().unwrap_or_default().to_ascii_lowercase();
        phrases.iter().any(|phrase| message.contains(phrase))
    }

    fn is_too_long(&self) -> bool {
        self.is("context_length_exceeded")
            || self.is("request_too_large")
            || self.is("exceed_context_size_error")
            || self.says(&[
                "maximum context length",
                "context length exceeded",
                "prompt is too long",
                "exceed context limit",
                "exceeds the context window",
                "exceeds the available context size",
                "exceeds the maximum number of tokens",
                "too large for model with",
            ])
    }

    fn is_unknown_model(&self) -> bool {
        self.is("model_not_found")
            || self.is("invalid_model")
            || self.says(&["model not found", "no such model", "invalid model"])
    }

    /// The code that stands in a detail: a short word, so that it holds no key and no prompt.
    fn word(&self) -> Option<&str> {
        let short = |word: &&str| word.len() <= 40 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        self.words().find(short)
    }
}

/// An answer whose status is not 2xx.
pub(crate) fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Failure {
    let complaint = Complaint::parse(body);
    let kind = kind(status, &complaint);
    let word = complaint.word().map(|word| format!(" ({word})")).unwrap_or_default();
    let what = format!("the provider answered {}{word}; {}", status.as_u16(), advice(kind));
    Failure { kind, what, retry_after: retry_after(headers, now) }
}

fn kind(status: StatusCode, complaint: &Complaint) -> ModelErrorKind {
    match status.as_u16() {
        // OpenAI's word for an account without money, which waiting does not help.
        429 if complaint.is("insufficient_quota") => ModelErrorKind::Refused,
        429 => ModelErrorKind::RateLimited,
        401 | 403 => ModelErrorKind::Unauthorized,
        413 => ModelErrorKind::ContextTooLong,
        408 => ModelErrorKind::Timeout,
        500..=599 => ModelErrorKind::Overloaded,
        _ if complaint.is_too_long() => ModelErrorKind::ContextTooLong,
        300..=399 | 404 => ModelErrorKind::UnknownModel,
        _ if complaint.is_unknown_model() => ModelErrorKind::UnknownModel,
        _ => ModelErrorKind::Refused,
    }
}

/// An error that a stream carries after it began with 200.
pub(crate) fn told_in_stream(complaint: &Complaint) -> Failure {
    let kind = match complaint {
        _ if complaint.is("rate_limit_error") || complaint.is("rate_limit_exceeded") => ModelErrorKind::RateLimited,
        _ if complaint.is("authentication_error") || complaint.is("permission_error") => ModelErrorKind::Unauthorized,
        _ if complaint.is_too_long() => ModelErrorKind::ContextTooLong,
        _ if complaint.is("not_found_error") || complaint.is_unknown_model() => ModelErrorKind::UnknownModel,
        _ if complaint.is("invalid_request_error") => ModelErrorKind::Refused,
        _ => ModelErrorKind::Overloaded,
    };
    let word = complaint.word().map(|word| format!(" ({word})")).unwrap_or_default();
    Failure::new(kind, format!("the stream told of an error{word}; {}", advice(kind)))
}

const fn advice(kind: ModelErrorKind) -> &'static str {
    match kind {
        ModelErrorKind::Unauthorized => "check model.apiKey, and that it permits this model",
        ModelErrorKind::UnknownModel => "check model.name and model.baseURL",
        ModelErrorKind::RateLimited => "ask less often, or name a fallback",
        ModelErrorKind::ContextTooLong => "shorten the conversation, or name a model with a longer context",
        ModelErrorKind::Refused => "check model.parameters, the tools' schemas and the account",
        ModelErrorKind::Overloaded
        | ModelErrorKind::Unreachable
        | ModelErrorKind::Timeout
        | ModelErrorKind::Cut
        | ModelErrorKind::Garbage => "try again later, or name a fallback",
    }
}

/// How long the provider asks to be left alone, from OpenAI's header in milliseconds or the standard one: seconds or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| (0.0..1e9).contains(number));
    if let Some(millis) = text("retry-after-ms").and_then(number) {
        return Some(Duration::from_secs_f64(millis / 1000.0));
    }
    let text = text(RETRY_AFTER.as_str())?;
    match number(text) {
        Some(seconds) => Some(Duration::from_secs_f64(seconds)),
        // A date that is past asks for nothing.
        None => httpdate::parse_http_date(text).ok().map(|date| date.duration_since(now).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, kind: ModelErrorKind) {
        let failure = refused(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes(), SystemTime::UNIX_EPOCH);
        assert_eq!(failure.kind, kind, "{status} {body}");
        assert!(!failure.what.contains("sk-"), "{}", failure.what);
    }

    #[test]
    fn refusals_are_told_apart_by_status_and_code() {
        use ModelErrorKind::*;
        check(401, r#"{"error":{"message":"Incorrect API key provided: sk-1","code":"invalid_api_key"}}"#, Unauthorized);
        check(403, "", Unauthorized);
        check(404, r#"{"error":{"message":"The model `sk-1` does not exist","code":"model_not_found"}}"#, UnknownModel);
        check(404, r#"{"type":"error","error":{"type":"not_found_error","message":"model: sk-1"}}"#, UnknownModel);
        check(400, r#"{"message":"Invalid model: sk-1","type":"invalid_model"}"#, UnknownModel);
        check(308, "", UnknownModel);
        check(429, r#"{"error":{"type":"rate_limit_error","message":"sk-1"}}"#, RateLimited);
        check(429, r#"{"error":{"code":"insufficient_quota","message":"sk-1"}}"#, Refused);
        for status in [500, 502, 503, 504, 529] {
            check(status, "<html>sk-1</html>", Overloaded);
        }
        check(400, r#"{"error":{"message":"sk-1","code":"context_length_exceeded"}}"#, ContextTooLong);
        check(
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens"}}"#,
            ContextTooLong,
        );
        check(400, r#"{"error":{"code":400,"message":"This model's maximum context length is 8192 tokens"}}"#, ContextTooLong);
        check(
            400,
            r#"[{"error":{"code":400,"message":"The input exceeds the maximum number of tokens allowed"}}]"#,
            ContextTooLong,
        );
        check(413, "", ContextTooLong);
        check(400, r#"{"error":"sk-1"}"#, Refused);
        check(422, "sk-1", Refused);
    }

    #[test]
    fn only_short_codes_are_repeated() {
        let body = r#"{"error":{"code":"invalid_api_key","message":"my secret prompt"}}"#;
        let failure = refused(StatusCode::UNAUTHORIZED, &HeaderMap::new(), body.as_bytes(), SystemTime::UNIX_EPOCH);
        assert_eq!(
            failure.what,
            "the provider answered 401 (invalid_api_key); check model.apiKey, and that it permits this model"
        );
        let odd = r#"{"error":{"code":"sk-live-1234","type":"Why is the sky blue"}}"#;
        let failure = refused(StatusCode::UNAUTHORIZED, &HeaderMap::new(), odd.as_bytes(), SystemTime::UNIX_EPOCH);
        assert_eq!(failure.what, "the provider answered 401; check model.apiKey, and that it permits this model");
    }

    #[test]
    fn retry_after_is_seconds_milliseconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let cases = [
            ("retry-after", "3", Some(3_000)),
            ("retry-after", "0.5", Some(500)),
            ("retry-after-ms", "250", Some(250)),
            ("retry-after", "Sun, 06 Nov 1994 08:49:57 GMT", Some(20_000)),
            ("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("retry-after", "-1", None),
            ("retry-after", "NaN", None),
            ("retry-after", "soon", None),
            ("x-other", "3", None),
        ];
        for (name, value, millis) in cases {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), millis.map(Duration::from_millis), "{name}: {value}");
        }
    }
}
