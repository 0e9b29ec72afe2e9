//! The one way in which a declared tool makes a request: template, headers and body in, the judged effect, a value out.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use skreaver_effects::{EffectError, http};
use skreaver_policy::Permit;
use skreaver_policy::bounds::shown;
use skreaver_protocol::config::HttpMethod;
use skreaver_tools::ToolError;
use tokio::time::timeout;

use super::answer;
use super::template::{Template, Texts};
use crate::headers::Headers;
use crate::shape::Shape;
use crate::world::{World, told};

/// A request that arguments complete.
pub(crate) struct Request {
    pub(crate) world: World,
    pub(crate) method: HttpMethod,
    pub(crate) template: Template,
    pub(crate) headers: Headers,
    pub(crate) output: Option<Shape>,
    pub(crate) timeout: Duration,
}

/// What the arguments of one call say.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Given {
    /// The variables of the URL.
    pub(crate) values: BTreeMap<String, Texts>,
    /// More parameters of the query.
    pub(crate) query: Vec<(String, Texts)>,
    /// Headers; those of the spec win.
    pub(crate) headers: BTreeMap<String, String>,
    /// The content.
    pub(crate) body: Option<Value>,
}

impl Request {
    /// Whether doing it twice is as good as doing it once (RFC 9110, section 9.2.2).
    pub(crate) fn is_idempotent(&self) -> bool {
        match self.method {
            HttpMethod::Get | HttpMethod::Put | HttpMethod::Delete => true,
            HttpMethod::Post | HttpMethod::Patch => false,
        }
    }

    /// Makes it, within what the permit allows and no longer than the spec says.
    pub(crate) async fn make(&self, permit: &Permit, given: Given) -> Result<Value, ToolError> {
        let Given { values, query, headers, body } = given;
        let url = self
            .template
            .expand(&values, &query)
            .map_err(|unfit| ToolError::InvalidArguments(format!("`/{}`: {}", shown(&unfit.name), unfit.why)))?;
        let mut read = self.headers.read(&*self.world.secrets).map_err(ToolError::Failed)?;
        for (name, value) in headers {
            read.headers.entry(name.to_ascii_lowercase()).or_insert(value);
        }
        let effect = self.effect(permit, url.into(), read.headers.clone(), body);
        let answered = timeout(self.timeout, effect).await.unwrap_or(Err(EffectError::TimedOut { limit: self.timeout }));
        let answer = answered.map_err(told)?;
        answer::value(answer, self.output.as_ref(), &read)
    }

    async fn effect(
        &self,
        permit: &Permit,
        url: String,
        headers: BTreeMap<String, String>,
        json: Option<Value>,
    ) -> Result<http::Answer, EffectError> {
        let (guard, bounds) = (&self.world.guard, permit.bounds());
        let ask = |url, headers| http::Ask { url, headers };
        let send = |url, headers| http::Send { url, headers, body: None, json };
        match self.method {
            HttpMethod::Get => http::get(guard, bounds, ask(url, headers)).await,
            HttpMethod::Delete => http::delete(guard, bounds, ask(url, headers)).await,
            HttpMethod::Post => http::post(guard, bounds, send(url, headers)).await,
            HttpMethod::Put => http::put(guard, bounds, send(url, headers)).await,
            HttpMethod::Patch => http::patch(guard, bounds, send(url, headers)).await,
        }
    }
}

/// A single value as it stands in a URL or a header: nothing for what is no text, number or boolean.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
