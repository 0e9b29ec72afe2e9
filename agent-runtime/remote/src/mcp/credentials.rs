//! The headers by which an agent is known to a server, read anew for each request, so that a changed secret counts at once.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use skreaver_effects::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use skreaver_protocol::config::HeaderConfig;

use super::problem::Problem;
use crate::Secrets;

/// Headers that the protocol itself sets.
const THEIRS: [&str; 6] = ["accept", "content-type", "last-event-id", "mcp-method", "mcp-protocol-version", "mcp-session-id"];

/// The headers of a config, with the secrets as they are now.
pub(super) fn headers(configured: &[HeaderConfig], secrets: &dyn Secrets) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::with_capacity(configured.len());
    for HeaderConfig { name, value, secret } in configured {
        let wrong = |why: &str| Problem::Secret(format!("the header `{}` {why}", name.escape_debug()));
        let header: HeaderName = name.parse().map_err(|_| wrong("has a name that no header can have"))?;
        if THEIRS.contains(&header.as_str()) {
            return Err(wrong("is one that MCP itself sets: leave it out"));
        }
        let text = match (value, secret) {
            (Some(value), None) => SecretString::from(value.as_str()),
            (None, Some(source)) => secrets.read(source).map_err(Problem::Secret)?,
            (Some(_), Some(_)) | (None, None) => return Err(wrong("needs either a value or a secret")),
        };
        headers.insert(header, sensitive(text.expose_secret()).ok_or_else(|| wrong("has a value with line breaks"))?);
    }
    Ok(headers)
}

/// `Authorization: Bearer ..`.
pub(super) fn bearer(headers: &mut HeaderMap, token: &SecretString) -> Result<(), Problem> {
    let value = sensitive(&format!("Bearer {}", token.expose_secret()));
    headers.insert(AUTHORIZATION, value.ok_or_else(|| Problem::Secret("the token is none that a header can have".into()))?);
    Ok(())
}

/// `Authorization: Basic ..` as OAuth has it: both parts are written as in a form first (RFC 6749, section 2.3.1).
pub(super) fn basic(id: &str, secret: &SecretString) -> Option<HeaderValue> {
    let form = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let both = format!("{}:{}", form(id), form(secret.expose_secret()));
    sensitive(&format!("Basic {}", BASE64_STANDARD.encode(both)))
}

/// Shown as `Sensitive` by whoever prints headers.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use skreaver_protocol::config::SecretSource;

    use super::*;

    fn reader(source: &SecretSource) -> Result<SecretString, String> {
        match source {
            SecretSource::Env(name) if name == "BROKEN" => Ok("hush\nhush".into()),
            SecretSource::Env(_) => Ok("hush-1".into()),
            SecretSource::File(_) => Err("failed to read `file:/x`".into()),
        }
    }

    fn header(name: &str, value: Option<&str>, secret: Option<&str>) -> HeaderConfig {
        HeaderConfig { name: name.into(), value: value.map(Into::into), secret: secret.map(|text| text.parse().unwrap()) }
    }

    #[test]
    fn headers_have_their_values_and_show_none_of_them() {
        let read = headers(&[header("X-Team", Some("amber"), None), header("X-Key", None, Some("env:KEY"))], &reader).unwrap();
        assert_eq!((&read["x-team"], &read["x-key"]), (&"amber".parse().unwrap(), &"hush-1".parse().unwrap()));
        assert!(!format!("{read:?}").contains("hush"), "{read:?}");
        assert_eq!(basic("a:b", &"c d".into()).unwrap(), "Basic YSUzQWI6Yytk");
    }

    #[test]
    fn what_makes_no_header_is_told_without_the_secret() {
        for wrong in [
            header("X Y", Some("v"), None),
            header("Mcp-Session-Id", Some("v"), None),
            header("X-Key", None, None),
            header("X-Key", Some("v"), Some("env:KEY")),
            header("X-Key", None, Some("env:BROKEN")),
            header("X-Key", None, Some("file:/x")),
        ] {
            let problem = headers(&[wrong], &reader).unwrap_err();
            assert!(problem.is_unsent() && !problem.to_string().contains("hush"), "{problem}");
        }
    }
}
