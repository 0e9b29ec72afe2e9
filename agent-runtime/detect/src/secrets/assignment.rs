//! Where the value stands that is assigned to a name: in code, JSON, YAML, XML, headers, command lines, queries and prose.

use std::ops::Range;

use super::words;

/// How far from the vendor's word, or from the rest of a name, a value may begin.
const REACH: usize = 80;
/// A value that is longer is no password.
const LONGEST: usize = 512;

/// Endings of names that hold something about a secret, not a secret: `secretName`, `token_type`, `password_file`.
const ABOUT: [&str; 60] = [
    "name",
    "id",
    "ids",
    "url",
    "uri",
    "path",
    "file",
    "type",
    "count",
    "limit",
    "length",
    "len",
    "policy",
    "ttl",
    "expires",
    "expiry",
    "ref",
    "field",
    "label",
    "hint",
    "placeholder",
    "min",
    "max",
    "env",
    "header",
    "size",
    "format",
    "regex",
    "pattern",
    "index",
    "version",
    "at",
    "hash",
    "address",
    "encoder",
    "input",
    "element",
    "manager",
    "service",
    "provider",
    "store",
    "generator",
    "validator",
    "error",
    "message",
    "text",
    "prompt",
    "strength",
    "score",
    "rule",
    "rules",
    "kind",
    "class",
    "reset",
    "digest",
    "checksum",
    "salt",
    "usage",
    "scope",
    "scopes",
];

/// Where values may begin behind a vendor's word that ends at `at`: the words behind the first operator on the same line.
pub(super) fn candidates(text: &[u8], at: usize) -> impl Iterator<Item = usize> {
    let line = line(text, at, REACH);
    let operator = line.iter().position(|byte| b"=:(>\"'".contains(byte)).or_else(|| is_at(line));
    let begins = move |index: &usize| {
        let before = index.checked_sub(1).and_then(|before| line.get(before));
        is_of_word(line[*index]) && (before.is_none_or(|before| !is_of_word(*before)) || escaped(line, *index))
    };
    operator.into_iter().flat_map(move |operator| (operator + 1..line.len()).filter(begins)).map(move |index| at + index)
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.+/~!".contains(&byte)
}

fn escaped(line: &[u8], at: usize) -> bool {
    at >= 2 && line[at - 2] == b'\\' && b"nrt".contains(&line[at - 1])
}

/// The rest of the line, at most so far.
fn line(text: &[u8], at: usize, most: usize) -> &[u8] {
    let rest = &text[at.min(text.len())..];
    let rest = &rest[..rest.len().min(most)];
    &rest[..rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())]
}

/// As people say it: `the token is ...`.
fn is_at(line: &[u8]) -> Option<usize> {
    line.windows(4).position(|window| window == b" is ").map(|at| at + 3)
}

/// What is called so and goes in the open: the places in a list that are asked for next, and what an update repeats.
const OPEN: [&str; 9] = ["next", "page", "continuation", "lock", "change", "sync", "start", "pagination", "cancellation"];

/// The value that is assigned to the name in which a word stands.
pub(super) fn value(text: &[u8], word: Range<usize>) -> Option<Range<usize>> {
    let at = word.end;
    let line = line(text, at, REACH + LONGEST);
    let name = line.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"_-.".contains(byte)))?;
    let start = name + operator(&line[name..])?;
    if name > 40 || is_about(&line[..name]) || is_open(text, word.start) {
        return None;
    }
    let quote = line.get(start).copied().filter(|byte| b"\"'`".contains(byte));
    // Inside of JSON that is text in JSON, quotes are escaped.
    let (start, quote) = match &line[start..] {
        [b'\\', quote @ (b'"' | b'\''), ..] => (start + 2, Some(*quote)),
        _ => (start + usize::from(quote.is_some()), quote),
    };
    let rest = &line[start..];
    let length = match quote {
        Some(quote) => {
            rest.iter().position(|byte| *byte == quote).map(|end| end - usize::from(end > 0 && rest[end - 1] == b'\\'))
        }
        None => Some(
            rest.iter().position(|byte| byte.is_ascii_whitespace() || b",;\"'<>`|&){}]\\".contains(byte)).unwrap_or(rest.len()),
        ),
    }?;
    let named = quote.is_none() && names(&rest[..length]);
    (length > 0 && length <= LONGEST && !named).then_some(at + start..at + start + length)
}

/// Whether the word is part of the name of something that is no secret.
fn is_open(text: &[u8], word: usize) -> bool {
    let before = &text[word.saturating_sub(16)..word];
    let before = before.strip_suffix(b"_").or_else(|| before.strip_suffix(b"-")).unwrap_or(before);
    OPEN.iter()
        .any(|open| before.len() >= open.len() && before[before.len() - open.len()..].eq_ignore_ascii_case(open.as_bytes()))
}

/// Whether this, without quotes, is a call, an element or a constant: `unquote(user`, `Option[str`, `SCAN_TYPE_2`.
fn names(value: &[u8]) -> bool {
    let name = value.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"_.".contains(byte)));
    let opens = name.is_some_and(|at| at > 0 && b"([".contains(&value[at]));
    let constant =
        value.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_') && value.contains(&b'_');
    opens || constant
}

/// Whether a name goes on so that it holds something about a secret.
fn is_about(rest: &[u8]) -> bool {
    let ends = |ending: &str| {
        let Some(cut) = rest.len().checked_sub(ending.len()) else { return false };
        let (before, end) = rest.split_at(cut);
        let begins = end[0].is_ascii_uppercase() || before.last().is_none_or(|byte| !byte.is_ascii_alphanumeric());
        end.eq_ignore_ascii_case(ending.as_bytes()) && begins && !rest.is_empty()
    };
    ABOUT.iter().any(|ending| ends(ending))
}

/// How many bytes lie between a name and its value: closing quotes, spaces and an operator.
fn operator(text: &[u8]) -> Option<usize> {
    let skip = |from: usize, of: &[u8]| text[from..].iter().position(|byte| !of.contains(byte)).map(|count| from + count);
    let closed = skip(0, b"\\\"'`] ")?;
    let signs = skip(closed, b":=>(")?;
    if signs == closed {
        let word = text[..closed].ends_with(b" ") && text[closed..].starts_with(b"is ");
        return if word { skip(closed + 2, b" ") } else { None };
    }
    // `==` and `===` compare, `::` is a path, and `">` ends a tag of which the name was an attribute's value: none assigns.
    let sign = &text[closed..signs];
    let none = sign.starts_with(b"==") || sign.starts_with(b"::") || (sign.starts_with(b">") && closed > 0);
    if none { None } else { skip(signs, b" ") }
}

/// Whether a value can be a password that somebody chose: more than letters, and no placeholder, name or code.
pub(super) fn is_password(value: &str) -> bool {
    let symbols = value.bytes().filter(|byte| !byte.is_ascii_alphabetic() && !b"-_./".contains(byte)).count();
    (6..=128).contains(&value.len())
        && symbols > 0
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !value.contains(|c: char| c.is_whitespace() || c.is_control())
        && !words::placeholder(value)
        && !words::stands_for_a_password(value)
        && !words::is_code(value)
        && !words::is_path(value, 3)
}

/// Whether a value can be a secret that a machine made.
pub(super) fn is_secret(value: &str) -> bool {
    let hash = ["sha256", "sha512", "sha1", "md5"].iter().any(|name| value.starts_with(name));
    let of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.+/=~!@#$%^*:".contains(&byte);
    (16..=LONGEST).contains(&value.len())
        && value.bytes().all(of_token)
        && !hash
        && !value.trim_end_matches('=').contains('=')
        && !value.starts_with(['/', '.'])
        && !words::is_code(value)
        && !words::is_path(value, 2)
}
