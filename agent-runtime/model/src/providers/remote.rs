//! A model at a provider: asks over HTTP, within its deadline, and again where that may help.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, Url};
use secrecy::{ExposeSecret, SecretString};
use skreaver_protocol::config::{ModelConfig, ModelParameters};

use crate::answer::{Answer, Question};
use crate::error::{ModelError, ModelErrorKind};
use crate::providers::failure::{self, Failure};
use crate::providers::http::{read, too_large};
use crate::providers::names::Names;
use crate::providers::provider::{ConfigError, endpoint, wire};
use crate::providers::wire::{Asked, Headers, Settings, Wire};
use crate::providers::{retry, sse};
use crate::{Deltas, Model};

/// The key of a model, asked for before each attempt: a rotated one counts from the next attempt on. Nothing where the model
/// needs none; an error says why it cannot be read, without its content.
pub type Key = Arc<dyn Fn() -> Result<Option<SecretString>, String> + Send + Sync>;

/// The largest answer, and the largest single event of a stream, in bytes.
const LARGEST_ANSWER: usize = 4 << 20;
/// The largest stream in bytes: each token comes in a wrapping of some hundred.
const LARGEST_STREAM: usize = 64 << 20;
/// How much is read of an answer that is a refusal, in bytes.
const LARGEST_REFUSAL: usize = 64 << 10;

/// The model that a configuration names, reached through a client that many may share.
///
/// # Errors
/// [`ConfigError`] when the configuration has no or no usable base URL, or a parameter that is no number.
pub fn model(config: &ModelConfig, key: Key, http: &reqwest::Client) -> Result<Arc<dyn Model>, ConfigError> {
    let wire = wire(config.provider);
    Ok(Arc::new(Remote {
        title: format!("{:?}/{}", config.provider, config.name),
        name: config.name.clone(),
        url: endpoint(config, wire.as_ref())?,
        settings: settings(&config.parameters)?,
        timeout: config.timeout.get(),
        max_attempts: config.max_attempts,
        wire,
        key,
        http: http.clone(),
    }))
}

fn settings(parameters: &ModelParameters) -> Result<Settings, ConfigError> {
    let ModelParameters { temperature, top_p, max_output_tokens, seed } = parameters;
    let number = |name, text: &Option<String>| match text {
        Some(text) => text.parse().map(Some).map_err(|_| ConfigError::Parameter(name)),
        None => Ok(None),
    };
    Ok(Settings {
        temperature: number("temperature", temperature)?,
        top_p: number("topP", top_p)?,
        max_output_tokens: *max_output_tokens,
        seed: *seed,
    })
}

struct Remote {
    title: String,
    name: String,
    url: Url,
    settings: Settings,
    timeout: Duration,
    max_attempts: u32,
    wire: Box<dyn Wire>,
    key: Key,
    http: reqwest::Client,
}

#[async_trait]
impl Model for Remote {
    async fn ask(&self, question: &Question, deltas: Option<Deltas<'_>>) -> Result<Answer, ModelError> {
        let names = Names::new(&question.tools);
        let asked = Asked { model: &self.name, settings: &self.settings, question, names: &names, streamed: deltas.is_some() };
        let unwritable = |_| self.error(Failure::new(ModelErrorKind::Refused, "the question cannot be written as JSON"), 0);
        let body = Bytes::from(self.wire.body(&asked).map_err(unwritable)?);
        let mut telling = Telling { deltas, told: false };
        let (mut attempt, mut charged) = (1, 0);
        loop {
            let failure = match self.attempt(body.clone(), &mut telling).await {
                Ok(answer) => return Ok(ours(answer, question, &names)),
                // Text that was told cannot be told again by another attempt.
                Err(failure) if telling.told => return Err(self.error(interrupted(failure), charged + 1)),
                Err(failure) => failure,
            };
            charged += u32::from(failure.kind.may_be_charged());
            let pause = retry::pause(failure.kind, failure.retry_after, attempt, self.max_attempts, retry::chance());
            let Some(pause) = pause else { return Err(self.error(failure, charged)) };
            #[cfg(feature = "tracing")]
            tracing::debug!(model = self.title, kind = failure.kind.name(), attempt, ?pause, "model is asked again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }
}

impl Remote {
    async fn attempt(&self, body: Bytes, telling: &mut Telling<'_>) -> Result<Answer, Failure> {
        let late = |_| Failure::new(ModelErrorKind::Timeout, format!("no answer within model.timeout, {:?}", self.timeout));
        tokio::time::timeout(self.timeout, self.exchange(body, telling)).await.map_err(late)?
    }

    async fn exchange(&self, body: Bytes, telling: &mut Telling<'_>) -> Result<Answer, Failure> {
        let request = self.http.post(self.url.clone()).headers(self.headers()?).body(body);
        let response = request.send().await.map_err(|error| failure::unsent(&error))?;
        let status = response.status();
        if !status.is_success() {
            let headers = response.headers().clone();
            // Status and headers say enough where the body cannot be read.
            let body = read(response, LARGEST_REFUSAL).await.unwrap_or_default();
            return Err(failure::refused(status, &headers, &body, SystemTime::now()));
        }
        if telling.deltas.is_some() && is_stream(&response) {
            return self.streamed(response, telling).await;
        }
        let answer = self.wire.whole(&read(response, LARGEST_ANSWER).await?)?;
        telling.tell(&answer.text);
        Ok(answer)
    }

    async fn streamed(&self, mut response: Response, telling: &mut Telling<'_>) -> Result<Answer, Failure> {
        let mut assembler = self.wire.assembler();
        let mut decoder = sse::Decoder::new(LARGEST_ANSWER);
        let (mut received, mut text) = (0, 0);
        while let Some(chunk) = response.chunk().await.map_err(|error| failure::broken_off(&error))? {
            received += chunk.len();
            let ended = decoder.feed(&chunk, |data| {
                assembler.event(data, &mut |piece| {
                    text += piece.len();
                    telling.tell(piece);
                })
            })?;
            if ended {
                return Ok(assembler.answer());
            }
            if received > LARGEST_STREAM || text > LARGEST_ANSWER {
                return Err(too_large(if text > LARGEST_ANSWER { LARGEST_ANSWER } else { LARGEST_STREAM }));
            }
        }
        Err(Failure::new(ModelErrorKind::Cut, "the stream ended without its end marker"))
    }

    fn headers(&self) -> Result<HeaderMap, Failure> {
        let unusable = |why: String| Failure::new(ModelErrorKind::Unauthorized, format!("the key cannot be used: {why}"));
        let key = (self.key)().map_err(unusable)?;
        let Headers { key, others } = self.wire.headers(key.as_ref().map(ExposeSecret::expose_secret), &self.settings);
        let mut headers = HeaderMap::with_capacity(others.len() + 2);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(others.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))));
        if let Some((name, value)) = key {
            let value = HeaderValue::try_from(value);
            let mut value =
                value.map_err(|_| unusable("it holds characters that no header may; look for a line break".into()))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }

    fn error(&self, failure: Failure, charged: u32) -> ModelError {
        let Failure { kind, what, retry_after } = failure;
        ModelError { model: self.title.clone(), kind, detail: what, retry_after, charged }
    }
}

/// Hands text on, and remembers that it did.
struct Telling<'a> {
    deltas: Option<Deltas<'a>>,
    told: bool,
}

impl Telling<'_> {
    fn tell(&mut self, text: &str) {
        if let Some(deltas) = self.deltas.filter(|_| !text.is_empty()) {
            self.told = true;
            deltas(text);
        }
    }
}

/// A server that streams says so; one that cannot, or that is no model's, sends something whole.
fn is_stream(response: &Response) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_none_or(|content_type| content_type.starts_with("text/event-stream"))
}

/// The failure of an answer that was told in part: whatever the cause, that is what is left of it.
fn interrupted(failure: Failure) -> Failure {
    match failure.kind {
        ModelErrorKind::Timeout | ModelErrorKind::Garbage | ModelErrorKind::Cut => failure,
        ModelErrorKind::Unauthorized
        | ModelErrorKind::UnknownModel
        | ModelErrorKind::RateLimited
        | ModelErrorKind::Overloaded
        | ModelErrorKind::Unreachable
        | ModelErrorKind::ContextTooLong
        | ModelErrorKind::Refused => Failure { kind: ModelErrorKind::Cut, ..failure },
    }
}

/// The answer with our names of tools, and with an id for each request: some servers give none.
fn ours(mut answer: Answer, question: &Question, names: &Names<'_>) -> Answer {
    for (index, request) in answer.tool_requests.iter_mut().enumerate() {
        request.tool = names.ours(std::mem::take(&mut request.tool));
        if request.id.is_empty() {
            request.id = format!("call_{}_{index}", question.messages.len());
        }
    }
    answer
}
