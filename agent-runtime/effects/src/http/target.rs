//! A URL that may be asked for: what is judged is what is dialled.

use skreaver_policy::bounds::{Host, shown};
use url::Url;

use crate::error::EffectError;

/// The most bytes of a URL.
const LONGEST: usize = 8192;

/// A URL of http or https with a host, a port and no credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    url: Url,
    host: Host,
    port: u16,
}

impl Target {
    /// The target that a caller names.
    pub(super) fn parse(text: &str) -> Result<Self, EffectError> {
        legible(text)
            .and_then(|()| Url::parse(text).map_err(|error| format!("it is no absolute URL: {error}")))
            .and_then(Self::of)
            .map_err(|why| EffectError::Arguments { what: shown(text).into(), why: why.into() })
    }

    /// The target that a redirect names, seen from here.
    pub(super) fn join(&self, location: &str) -> Result<Self, String> {
        legible(location)?;
        Self::of(self.url.join(location).map_err(|error| format!("it is no URL: {error}"))?)
    }

    fn of(mut url: Url) -> Result<Self, String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("`{}` is not http or https", shown(url.scheme())));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("no credentials in URLs: send them in a header".to_owned());
        }
        url.set_fragment(None);
        let host = url.host().and_then(Host::of).ok_or("its host is none that the DNS can have")?;
        let port = url.port_or_known_default().filter(|port| *port > 0).ok_or("its port is none")?;
        Ok(Self { host, port, url })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether both are the same scheme, host and port.
    pub(super) fn has_origin_of(&self, other: &Self) -> bool {
        (self.is_tls(), &self.host, self.port) == (other.is_tls(), &other.host, other.port)
    }

    /// Host and port for messages.
    pub(super) fn place(&self) -> Box<str> {
        format!("{}:{}", shown(&self.host.to_string()), self.port).into()
    }

    /// The value of the header `Host`: the port only if it is not that of the scheme.
    pub(super) fn authority(&self) -> String {
        match self.url.port() {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_string(),
        }
    }

    /// Path and query.
    pub(super) fn request_target(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }
}

/// What two readers may read differently is refused: parsers drop tabs and line breaks, and take `\` for `/`.
fn legible(text: &str) -> Result<(), String> {
    if text.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    match text.chars().find(|character| character.is_control() || *character == '\\') {
        Some(character) => Err(format!("it has the character `{}`: write it percent-encoded", character.escape_debug())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        let target = Target::parse(text).ok()?;
        Some(format!("{} {} {}", target.place(), target.authority(), target.request_target()))
    }

    #[test]
    fn honest_urls_keep_their_meaning() {
        let check = |text: &str, expected: &str| assert_eq!(parsed(text).as_deref(), Some(expected), "{text}");
        check("https://api.example.com/a?q=a&b=c#top", "api.example.com:443 api.example.com /a?q=a&b=c");
        check("HTTP://API.Example.com.:8080", "api.example.com:8080 api.example.com:8080 /");
        check("http://bücher.example/ü b", "xn--bcher-kva.example:80 xn--bcher-kva.example /%C3%BC%20b");
        check("http://[fd00::7]:80/%2e%2e/x", "[fd00::7]:80 [fd00::7] /x");
        check("https://a.example/?url=http://b.example/@x", "a.example:443 a.example /?url=http://b.example/@x");
    }

    #[test]
    fn urls_with_two_meanings_are_none() {
        let long = format!("http://a.example/{}", "a".repeat(9000));
        for text in [
            "",
            "a.example",
            "//a.example",
            "ftp://a.example/",
            "file:///etc/passwd",
            "gopher://a.example:70/_x",
            "http://",
            "http:///",
            "http://u@a.example/",
            "http://u:p@a.example/",
            "http://a.example\\@b.example/",
            "http://a\t.example/",
            "http://a.example/\n",
            "http://a.example:0/",
            "http://a.example:99999/",
            "http://a..b/",
            "http://[fe80::1%25eth0]/",
            "http://[::1",
            &long,
            "javascript:alert(1)",
            "data:text/plain,x",
            "http://a.example:80:80/",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_reader_finds_the_host_that_was_judged(text in "(http|https)://[a-z0-9.@:\\[\\]%#?/１。-]{1,40}") {
            if let Ok(target) = Target::parse(&text) {
                let again = Url::parse(target.url().as_str()).unwrap();
                proptest::prop_assert_eq!(again.host().and_then(Host::of), Some(target.host().clone()));
                proptest::prop_assert_eq!(Host::parse(&target.host().to_string()), Some(target.host().clone()));
                proptest::prop_assert!(again.username().is_empty() && again.password().is_none());
                let sent: hyper::Uri = target.request_target().parse().unwrap();
                proptest::prop_assert!(sent.authority().is_none());
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,60}", location in ".{0,60}") {
            let base = Target::parse("https://a.example/").unwrap();
            let _ = (Target::parse(&text), base.join(&location));
        }
    }
}
