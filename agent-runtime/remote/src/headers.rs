//! The headers that a spec gives to every request of a tool: literal, or read from a secret when the request is made.

use std::collections::BTreeMap;

use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use skreaver_effects::http::{goes_along, is_ours};
use skreaver_policy::bounds::shown;
use skreaver_protocol::config::{HeaderConfig, SecretSource};

use crate::problem::Problem;

/// Secrets shorter than this stand in answers by chance.
const SHORTEST_MASKED: usize = 6;

/// Who reads secrets.
pub trait Secrets: Send + Sync {
    /// The secret as it is now: read again when it has changed.
    ///
    /// # Errors
    /// A sentence that names where it was looked for, never what was found.
    fn read(&self, source: &SecretSource) -> Result<SecretString, String>;
}

impl<F: Fn(&SecretSource) -> Result<SecretString, String> + Send + Sync> Secrets for F {
    fn read(&self, source: &SecretSource) -> Result<SecretString, String> {
        self(source)
    }
}

/// Headers that can be sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Headers(Vec<(HeaderName, Origin)>);

#[derive(Debug, Clone)]
enum Origin {
    Literal(String),
    Secret(SecretSource),
    /// A token, after the word `Bearer`.
    Bearer(SecretSource),
}

/// The headers of one request, and the secrets among them.
pub(crate) struct Read {
    pub(crate) headers: BTreeMap<String, String>,
    secrets: Vec<SecretString>,
}

impl Headers {
    pub(crate) fn compile(configs: &[HeaderConfig]) -> Result<Self, Vec<Problem>> {
        let (mut headers, mut problems): (Vec<(HeaderName, Origin)>, _) = (Vec::new(), Vec::new());
        for (index, config) in configs.iter().enumerate() {
            match compile(config) {
                Ok((name, _)) if headers.iter().any(|(known, _)| *known == name) => {
                    problems.push(Problem::new(format!("headers[{index}].name"), format!("`{name}` stands twice")));
                }
                Ok(header) => headers.push(header),
                Err((field, message)) => problems.push(Problem::new(format!("headers[{index}].{field}"), message)),
            }
        }
        if problems.is_empty() { Ok(Self(headers)) } else { Err(problems) }
    }

    /// The header that says who asks, by a token that is read when it is sent. Without one there is none.
    pub(crate) fn bearer(token: Option<&SecretSource>) -> Self {
        Self(token.map(|token| (AUTHORIZATION, Origin::Bearer(token.clone()))).into_iter().collect())
    }

    /// Whether the spec itself sets a header.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known.as_str().eq_ignore_ascii_case(name))
    }

    /// The headers as they are now.
    pub(crate) fn read(&self, secrets: &dyn Secrets) -> Result<Read, String> {
        let mut read = Read { headers: BTreeMap::new(), secrets: Vec::new() };
        for (name, origin) in &self.0 {
            let value = match origin {
                Origin::Literal(value) => value.clone(),
                Origin::Secret(source) | Origin::Bearer(source) => {
                    let secret = secrets.read(source)?;
                    if HeaderValue::from_str(secret.expose_secret()).is_err() {
                        return Err(format!(
                            "`{source}` is no value of a header: it has line breaks or other control characters"
                        ));
                    }
                    let value = match origin {
                        Origin::Bearer(_) => format!("Bearer {}", secret.expose_secret()),
                        Origin::Literal(_) | Origin::Secret(_) => secret.expose_secret().to_owned(),
                    };
                    read.secrets.push(secret);
                    value
                }
            };
            read.headers.insert(name.as_str().to_owned(), value);
        }
        Ok(read)
    }
}

impl Read {
    /// A text of the server, without the secrets that it may have repeated.
    pub(crate) fn masked(&self, text: String) -> String {
        let secrets = self.secrets.iter().map(ExposeSecret::expose_secret).flat_map(|secret| {
            // `Bearer abc` is repeated as `abc` as well.
            [Some(secret), secret.split_once(' ').map(|(_, token)| token)]
        });
        let long = secrets.flatten().filter(|secret| secret.len() >= SHORTEST_MASKED);
        long.fold(text, |text, secret| if text.contains(secret) { text.replace(secret, "[secret]") } else { text })
    }
}

fn compile(config: &HeaderConfig) -> Result<(HeaderName, Origin), (&'static str, String)> {
    let HeaderConfig { name, value, secret } = config;
    let parsed: HeaderName = name.parse().map_err(|_| ("name", format!("`{}` is no name of a header", shown(name))))?;
    if is_ours(parsed.as_str()) {
        return Err(("name", format!("`{parsed}` is made from the request: leave it out")));
    }
    let origin = match (value, secret) {
        (Some(value), None) if HeaderValue::from_str(value).is_ok() => Origin::Literal(value.clone()),
        (Some(_), None) => return Err(("value", "no line breaks and no other control characters".to_owned())),
        (None, Some(_)) if goes_along(parsed.as_str()) => {
            return Err((
                "secret",
                format!("`{parsed}` goes to other hosts as well when a server redirects there: no secret in it"),
            ));
        }
        (None, Some(source)) => Origin::Secret(source.clone()),
        (None, None) | (Some(_), Some(_)) => return Err(("value", "exactly one of `value` and `secret`".to_owned())),
    };
    Ok((parsed, origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(&'static str);

    impl Secrets for Fixed {
        fn read(&self, _: &SecretSource) -> Result<SecretString, String> {
            Ok(SecretString::from(self.0))
        }
    }

    fn header(name: &str, value: Option<&str>, secret: Option<&str>) -> HeaderConfig {
        HeaderConfig { name: name.into(), value: value.map(Into::into), secret: secret.map(|source| source.parse().unwrap()) }
    }

    #[test]
    fn headers_that_steer_the_request_or_leak_are_refused_all_at_once() {
        let configs = [
            header("Host", Some("a.example"), None),
            header("content-length", Some("1"), None),
            header("Transfer-Encoding", Some("chunked"), None),
            header("Connection", Some("close"), None),
            header("X\r\nHost", Some("x"), None),
            header("X-A", Some("x\r\nHost: b"), None),
            header("X-B", None, None),
            header("X-C", Some("x"), Some("env:C")),
            header("User-Agent", None, Some("env:C")),
            header("X-D", Some("x"), None),
            header("x-d", Some("y"), None),
        ];
        let problems = Headers::compile(&configs).unwrap_err();
        let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        let expected = [
            "headers[0].name",
            "headers[1].name",
            "headers[2].name",
            "headers[3].name",
            "headers[4].name",
            "headers[5].value",
            "headers[6].value",
            "headers[7].value",
            "headers[8].secret",
            "headers[10].name",
        ];
        assert_eq!(paths, expected);
    }

    #[test]
    fn secrets_are_read_when_they_are_needed_and_masked_where_they_come_back() {
        let headers = Headers::compile(&[header("Authorization", None, Some("env:C")), header("X-D", Some("x"), None)]).unwrap();
        let read = headers.read(&Fixed("Bearer basalt-17")).unwrap();
        assert_eq!(read.headers["authorization"], "Bearer basalt-17");
        assert_eq!(read.headers["x-d"], "x");
        assert_eq!(read.masked("bad token basalt-17 (Bearer basalt-17)".into()), "bad token [secret] ([secret])");
        let why = headers.read(&Fixed("a\nb")).err().unwrap();
        assert!(why.contains("env:C") && !why.contains('\n'), "{why}");
    }
}
