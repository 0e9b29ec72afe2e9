//! Tokens by the client credentials grant of OAuth 2.0 (RFC 6749, section 4.4), for one resource (RFC 8707).

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use skreaver_effects::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use skreaver_effects::http::{Method, Request};
use skreaver_protocol::config::ClientCredentials;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use url::form_urlencoded;

use super::credentials::basic;
use super::problem::Problem;
use crate::World;

/// How long a token endpoint may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes of its answer.
const MOST_BYTES: usize = 64 << 10;
/// How long before its end a token counts as ended, so that none ends on its way.
const MARGIN: Duration = Duration::from_secs(30);
/// How long a token is used whose end nobody told.
const UNTOLD: Duration = Duration::from_secs(300);
/// The errors of the grant. Only they are repeated: whatever else stands in an answer may be what we sent.
const ERRORS: [&str; 7] = [
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "unauthorized_client",
    "unsupported_grant_type",
];

/// Gets tokens and keeps the last one until shortly before its end.
pub(super) struct Tokens {
    config: ClientCredentials,
    resource: String,
    /// Held while one is fetched: whoever comes meanwhile waits for the same.
    last: Mutex<Option<Token>>,
}

struct Token {
    token: SecretString,
    end: Instant,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: String,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct Failed {
    error: String,
}

impl Tokens {
    /// Tokens for the server at a URL, where the config names no other resource.
    pub(super) fn new(config: ClientCredentials, url: &str) -> Self {
        let resource = config.resource.clone().unwrap_or_else(|| url.to_owned());
        Self { config, resource, last: Mutex::default() }
    }

    /// A token, but not the one that was refused.
    pub(super) async fn get(&self, world: &World, refused: Option<&SecretString>) -> Result<SecretString, Problem> {
        let mut last = self.last.lock().await;
        if let Some(known) = last.as_ref()
            && known.end > Instant::now()
            && refused.is_none_or(|refused| refused.expose_secret() != known.token.expose_secret())
        {
            return Ok(known.token.clone());
        }
        *last = None;
        let fetched = timeout(PATIENCE, self.fetch(world)).await;
        let granted = fetched.map_err(|_| self.problem(format!("no answer in {} s", PATIENCE.as_secs())))??;
        let lasts = granted.expires_in.map_or(UNTOLD, Duration::from_secs);
        // One that lasts no longer than the margin is used for half of its time.
        let lasts = if lasts > 2 * MARGIN { lasts - MARGIN } else { lasts / 2 };
        let end = Instant::now() + lasts.min(Duration::from_secs(24 * 3600));
        let token = SecretString::from(granted.access_token);
        *last = Some(Token { token: token.clone(), end });
        Ok(token)
    }

    async fn fetch(&self, world: &World) -> Result<Granted, Problem> {
        let ClientCredentials { token_url, client_id, client_secret, scopes: _, resource: _ } = &self.config;
        let secret = world.secrets.read(client_secret).map_err(Problem::Secret)?;
        let mut headers = HeaderMap::new();
        let who = basic(client_id, &secret).ok_or_else(|| self.problem("the client's id is none that a header can have"))?;
        headers.insert(AUTHORIZATION, who);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let request = Request { method: Method::POST, url: token_url.clone(), headers, body: self.form().into() };
        let response = world.send(request).await.map_err(|error| self.problem(error.to_string()))?;
        let status = response.status;
        let body = response.body.read(MOST_BYTES).await.map_err(|error| self.problem(error.to_string()))?;
        if !status.is_success() {
            let error = serde_json::from_slice::<Failed>(&body).ok().map(|failed| failed.error);
            let known = error.filter(|error| ERRORS.contains(&error.as_str())).map(|error| format!(", `{error}`"));
            return Err(self.problem(format!("HTTP {}{}", status.as_u16(), known.unwrap_or_default())));
        }
        let granted: Granted = serde_json::from_slice(&body).map_err(|_| self.problem("its answer has no token"))?;
        if !granted.token_type.eq_ignore_ascii_case("bearer") {
            return Err(self.problem("its token is no bearer token"));
        }
        Ok(granted)
    }

    fn form(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials").append_pair("resource", &self.resource);
        if !self.config.scopes.is_empty() {
            form.append_pair("scope", &self.config.scopes.join(" "));
        }
        form.finish()
    }

    fn problem(&self, why: impl Into<String>) -> Problem {
        let place = match skreaver_effects::http::place(&self.config.token_url) {
            Ok((host, port)) => format!("{host}:{port}"),
            Err(_) => "the token endpoint".to_owned(),
        };
        Problem::Token { place: place.into(), why: why.into() }
    }
}
