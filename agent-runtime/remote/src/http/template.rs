//! A URL template (RFC 6570, level 1) whose variables stand in path and query, and never change what is around them.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use skreaver_policy::bounds::{Host, shown};
use url::Url;

/// The longest template, in bytes.
pub(crate) const LONGEST: usize = 8192;
/// How often a value is decoded to see what a chain of servers may make of it.
const DECODINGS: usize = 4;
/// All but what RFC 3986 calls unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A URL template that is sound: scheme, host and port are fixed.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
    /// The URL with `x` for every variable.
    example: Url,
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    InPath(String),
    InQuery(String),
}

/// What stands for a variable or a parameter: one text, or several with commas between them.
pub(crate) type Texts = Vec<String>;

/// Why values make no URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub(crate) name: String,
    pub(crate) why: String,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<String>> {
        if text.len() > LONGEST {
            return Err(vec![format!("it is longer than {LONGEST} bytes")]);
        }
        let mut problems = Vec::new();
        if let Some(character) = text.chars().find(|c| c.is_control() || c.is_whitespace() || matches!(c, '\\' | '#')) {
            problems.push(format!("it has the character `{}`: write it percent-encoded", character.escape_debug()));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            problems.push("it is no absolute URL: begin it with `http://` or `https://`".to_owned());
            return Err(problems);
        };
        if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
            problems.push(format!("its scheme is `{}`: only `http` and `https` are", shown(scheme)));
        }
        let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains(['{', '}']) {
            problems.push(format!("`{}` has variables: host and port are fixed", shown(authority)));
        }
        if authority.is_empty() {
            problems.push("it names no host".to_owned());
        }
        if authority.contains('@') {
            problems.push("no credentials in URLs: send them in a header".to_owned());
        }
        let slash = if tail.starts_with('/') { "" } else { "/" };
        let pieces = pieces(format!("{scheme}://{authority}{slash}"), tail, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        Self::of(pieces).map_err(|why| vec![why])
    }

    fn of(pieces: Vec<Piece>) -> Result<Self, String> {
        let example: String = pieces.iter().map(|piece| if let Piece::Literal(text) = piece { text } else { "x" }).collect();
        let parsed = Url::parse(&example).map_err(|error| format!("it is no URL: {error}"))?;
        let host = parsed.host().and_then(Host::of).ok_or("its host is none that the DNS can have")?;
        let port = parsed.port_or_known_default().filter(|port| *port > 0).ok_or("its port is none")?;
        let (_, after) = example.split_once("://").expect("it was parsed with one");
        let path = after.split_once('/').map_or("", |(_, path)| path).split('?').next().unwrap_or_default();
        if path.split('/').count() != segments(&parsed) {
            return Err("its path has `.` or `..` in it: write where it really leads".to_owned());
        }
        Ok(Self { pieces, example: parsed, host, port })
    }

    /// The host and port that every request goes to at first.
    pub(crate) fn place(&self) -> (Host, u16) {
        (self.host.clone(), self.port)
    }

    /// The variables, in order, each once.
    pub(crate) fn variables(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        let names = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::InPath(name) | Piece::InQuery(name) => Some(name.as_str()),
        });
        names.filter(|name| seen.insert(*name)).collect()
    }

    /// Whether a variable stands in the path, and so cannot be left out.
    pub(crate) fn is_in_path(&self, variable: &str) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::InPath(name) if name == variable))
    }

    /// The URL that these values make, with more parameters at the end of its query.
    ///
    /// # Errors
    /// The value that cannot stand where it would.
    pub(crate) fn expand(&self, values: &BTreeMap<String, Texts>, query: &[(String, Texts)]) -> Result<Url, Unfit> {
        let mut url = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => url.push_str(text),
                Piece::InPath(name) => url.push_str(&in_path(name, values.get(name))?),
                Piece::InQuery(name) => url.push_str(&values.get(name).map(|texts| joined(texts)).unwrap_or_default()),
            }
        }
        let mut separator = match (url.contains('?'), url.ends_with(['?', '&'])) {
            (false, _) => "?",
            (true, true) => "",
            (true, false) => "&",
        };
        for (name, texts) in query {
            url.push_str(&format!("{separator}{}={}", encoded(name), joined(texts)));
            separator = "&";
        }
        self.same_place(&url)
    }

    /// The URL, if it is still the template's: what was encoded is not trusted to have been encoded well.
    fn same_place(&self, text: &str) -> Result<Url, Unfit> {
        let unfit = |why: &str| Unfit { name: "url".to_owned(), why: why.to_owned() };
        let url = Url::parse(text).map_err(|error| unfit(&format!("the arguments make no URL: {error}")))?;
        let origin = |url: &Url| (url.scheme().to_owned(), url.host().map(|host| host.to_owned()), url.port_or_known_default());
        let is_same = origin(&url) == origin(&self.example)
            && segments(&url) == segments(&self.example)
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none();
        if is_same { Ok(url) } else { Err(unfit("the arguments would change host, port or path of the URL")) }
    }
}

/// A URL that is a place and at most a path: the template of it, and its text without a slash at its end.
pub(crate) fn base(url: &str) -> Result<(Template, &str), Vec<String>> {
    let template = Template::parse(url)?;
    if url.contains('?') || !template.variables().is_empty() {
        return Err(vec!["it is the place of an API: no query and no variables".to_owned()]);
    }
    Ok((template, url.trim_end_matches('/')))
}

/// The path and the query of a template, after its beginning.
fn pieces(beginning: String, tail: &str, problems: &mut Vec<String>) -> Vec<Piece> {
    let (mut pieces, mut literal, mut rest, mut in_query) = (Vec::new(), beginning, tail, false);
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        in_query |= before.contains('?');
        literal.push_str(before);
        let Some((name, after)) = from.strip_prefix('{').and_then(|from| from.split_once('}')) else {
            problems.push("a `{` or `}` stands alone: variables are written `{name}`".to_owned());
            return pieces;
        };
        if is_name(name) {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            pieces.push(if in_query { Piece::InQuery(name.to_owned()) } else { Piece::InPath(name.to_owned()) });
        } else {
            problems.push(format!("`{{{}}}` is no variable: only `{{name}}` is (RFC 6570, level 1)", shown(name)));
        }
        rest = after;
    }
    literal.push_str(rest);
    pieces.push(Piece::Literal(literal));
    pieces
}

/// As RFC 6570 has names, without percent-encoding; and with `-`, which OpenAPI documents use.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !text.is_empty()
        && text.len() <= 128
        && text.chars().all(fits)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

fn in_path(name: &str, texts: Option<&Texts>) -> Result<String, Unfit> {
    let unfit = |why: &str| Unfit { name: name.to_owned(), why: why.to_owned() };
    let texts = texts.filter(|texts| !texts.is_empty()).ok_or_else(|| unfit("it stands in the path of the URL and is needed"))?;
    for text in texts {
        if text.is_empty() {
            return Err(unfit("it stands in the path of the URL and is empty"));
        }
        if steps(text) {
            return Err(unfit("it would lead to another path: no control characters and no part that is `.` or `..`"));
        }
    }
    Ok(joined(texts))
}

/// Whether a text, as sent or decoded by servers on its way, would be read as steps in the path. A `/` alone is sent encoded
/// and is harmless; with `..` it is not where proxies decode before they route.
fn steps(text: &str) -> bool {
    let mut text = text.to_owned();
    for _ in 0..DECODINGS {
        let is_step = |part: &str| matches!(part.split(';').next(), Some("." | ".."));
        if text.chars().any(char::is_control) || text.split(['/', '\\']).any(is_step) {
            return true;
        }
        let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if decoded == text {
            return false;
        }
        text = decoded;
    }
    // Whoever encodes that often hides something.
    true
}

fn joined(texts: &[String]) -> String {
    texts.iter().map(|text| encoded(text)).collect::<Vec<_>>().join(",")
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn segments(url: &Url) -> usize {
    url.path_segments().map_or(0, Iterator::count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, Texts> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect()
    }

    fn expanded(template: &str, pairs: &[(&str, &str)], query: &[(&str, &str)]) -> Option<String> {
        let query: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
        let url = Template::parse(template).unwrap().expand(&values(pairs), &query).ok()?;
        Some(url.into())
    }

    #[test]
    fn values_stand_where_their_variables_do() {
        let check = |template: &str, pairs: &[(&str, &str)], query: &[(&str, &str)], expected: &str| {
            assert_eq!(expanded(template, pairs, query).as_deref(), Some(expected), "{template}");
        };
        check("http://rates.default.svc/today", &[], &[], "http://rates.default.svc/today");
        check("http://rates.default.svc", &[], &[("a", "1")], "http://rates.default.svc/?a=1");
        check("http://a.example?q={q}", &[("q", "x y&z=1#+")], &[], "http://a.example/?q=x%20y%26z%3D1%23%2B");
        check("http://a.example/?q={q}", &[], &[("a b", "c")], "http://a.example/?q=&a%20b=c");
        check("https://a.example:8443/u/{id}/x", &[("id", "a/b")], &[], "https://a.example:8443/u/a%2Fb/x");
        check("https://a.example/v{n}.{m}", &[("n", "1"), ("m", "ü")], &[], "https://a.example/v1.%C3%BC");
        check("https://a.example/{a}/{a}", &[("a", "1..2")], &[], "https://a.example/1..2/1..2");
        check("https://a.example/{u-1}?x", &[("u-1", "q")], &[("y", "")], "https://a.example/q?x&y=");
    }

    #[test]
    fn values_that_would_lead_elsewhere_are_refused() {
        let template = "https://a.example/users/{id}/posts";
        for value in [
            "",
            ".",
            "..",
            "../admin",
            "..\\admin",
            "%2e%2e",
            "%2E%2e/admin",
            "%252e%252e",
            "a/../../b",
            "x/..",
            "..;/admin",
            "a\nb",
            "a\r\nHost: b",
            "\0",
            "%0d%0a",
            "./a",
            "%25252525252e",
        ] {
            assert_eq!(expanded(template, &[("id", value)], &[]), None, "{value:?}");
        }
        assert_eq!(expanded(template, &[], &[]), None);
        assert_eq!(expanded("https://a.example/.{x}/b", &[("x", ".")], &[]), None);
        assert_eq!(expanded("https://a.example/{x}{y}/b", &[("x", "."), ("y", ".")], &[]), None);
        assert_eq!(
            expanded("https://a.example/.{x}", &[("x", "well-known")], &[]).as_deref(),
            Some("https://a.example/.well-known")
        );
    }

    #[test]
    fn templates_that_leave_open_where_they_lead_are_none() {
        for template in [
            "",
            "a.example/x",
            "ftp://a.example/",
            "{scheme}://a.example/",
            "http://{host}/",
            "http://a.example:{port}/",
            "http://a{b}.example/",
            "http://u:p@a.example/",
            "http://a.example/#x",
            "http://a.example/x#{y}",
            "http://a.example/{+path}",
            "http://a.example/{/path}",
            "http://a.example/{?q}",
            "http://a.example/{a,b}",
            "http://a.example/{a*}",
            "http://a.example/{}",
            "http://a.example/{a",
            "http://a.example/a}",
            "http://a.example/a/../{b}",
            "http://a.example/%2e%2e/{b}",
            "http://a.example\\@b.example/",
            "http://a.example/ x",
            "http://a.example:0/",
            "http:///x",
            "http://",
        ] {
            assert!(Template::parse(template).is_err(), "{template}");
        }
        assert_eq!(Template::parse("ftp://{a}/{+b}#").unwrap_err().len(), 4);
    }

    /// Texts that are likely to be trouble, and any other.
    fn value() -> impl Strategy<Value = String> {
        let trouble = prop::sample::select(vec![
            "..",
            ".",
            "/",
            "\\",
            "%2e",
            "%2f",
            "%",
            "?",
            "#",
            "@",
            ":",
            "&",
            "=",
            ";",
            "\n",
            "\r",
            "\0",
            "{",
            "}",
            "//",
            "b.example",
            "ü",
            "%c0%ae",
            "\u{2025}",
            "\u{ff0e}",
            "a",
        ]);
        prop_oneof![prop::collection::vec(trouble, 0..6).prop_map(|parts| parts.concat()), ".{0,40}".prop_map(String::from)]
    }

    proptest! {
        #[test]
        fn no_value_changes_host_port_or_path(a in value(), b in value(), c in value(), name in value()) {
            let template = Template::parse("https://a.example:8443/v1/{a}/x.{b}/y?q={c}&z=1").unwrap();
            let values = values(&[("a", &a), ("b", &b), ("c", &c)]);
            let Ok(url) = template.expand(&values, &[(name.clone(), vec![c.clone()])]) else { return Ok(()) };
            prop_assert_eq!((url.scheme(), url.host_str(), url.port()), ("https", Some("a.example"), Some(8443)));
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            let of = |segment: &str| percent_decode_str(segment).decode_utf8().unwrap().into_owned();
            prop_assert_eq!(segments.len(), 4);
            prop_assert_eq!((segments[0], of(segments[1]), of(segments[2]), segments[3]), ("v1", a, format!("x.{b}"), "y"));
            let pairs: Vec<_> = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
            let expected = [("q".to_owned(), c.clone()), ("z".to_owned(), "1".to_owned()), (name, c)];
            prop_assert_eq!(pairs, expected);
            prop_assert_eq!(url.fragment(), None);
        }

        #[test]
        fn no_template_makes_the_parser_panic(text in ".{0,60}", tail in "[a-z{}/?&=.%#]{0,30}") {
            let _ = (Template::parse(&text), Template::parse(&format!("http://a.example/{tail}")));
        }
    }
}
