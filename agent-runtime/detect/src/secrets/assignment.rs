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

/// Some of the bytes, to be looked up.
type Bytes = [bool; 256];

const OF_NAME: Bytes = these(b"_-.", true);
const OF_WORD: Bytes = these(b"_-.+/~!", true);
const OPERATORS: Bytes = these(b"=:(>\"'", false);
const SIGNS: Bytes = these(b":=>(", false);
const CLOSING: Bytes = these(b"\\\"'`] ", false);
const SPACES: Bytes = these(b" ", false);
/// What no value has in it that stands without quotes.
const ENDING: Bytes = these(b" \t\n\x0c\r,;\"'<>`|&){}]\\", false);

/// These bytes, and letters and digits where that is wanted.
const fn these(bytes: &[u8], alphanumeric: bool) -> Bytes {
    let (mut table, mut index) = ([false; 256], 0);
    while index < bytes.len() {
        table[bytes[index] as usize] = true;
        index += 1;
    }
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] |= alphanumeric && byte.is_ascii_alphanumeric();
        byte += 1;
    }
    table
}

fn is_of(bytes: &Bytes, byte: u8) -> bool {
    bytes[usize::from(byte)]
}

/// Where values may begin behind a vendor's word that ends at `at`: the words behind the first operator on the same line.
pub(super) fn candidates(text: &[u8], at: usize) -> impl Iterator<Item = usize> {
    let near = &text[at..text.len().min(at + REACH)];
    let operator = near.iter().position(|byte| is_of(&OPERATORS, *byte) || *byte == b'\n').unwrap_or(near.len());
    let (line, operator) = match near.get(operator) {
        None | Some(b'\n') => (&near[..operator], is_at(&near[..operator])),
        Some(_) => (line(near), Some(operator)),
    };
    let begins = move |index: &usize| {
        let before = index.checked_sub(1).and_then(|before| line.get(before));
        is_of(&OF_WORD, line[*index]) && (before.is_none_or(|before| !is_of(&OF_WORD, *before)) || escaped(line, *index))
    };
    operator.into_iter().flat_map(move |operator| (operator + 1..line.len()).filter(begins)).map(move |index| at + index)
}

fn escaped(line: &[u8], at: usize) -> bool {
    at >= 2 && line[at - 2] == b'\\' && b"nrt".contains(&line[at - 1])
}

/// The first line.
fn line(text: &[u8]) -> &[u8] {
    &text[..text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len())]
}

/// As people say it: `the token is ...`.
fn is_at(line: &[u8]) -> Option<usize> {
    line.windows(4).position(|window| window == b" is ").map(|at| at + 3)
}

/// What is called so and goes in the open: the places in a list that are asked for next, and what an update repeats.
const OPEN: [&str; 9] = ["next", "page", "continuation", "lock", "change", "sync", "start", "pagination", "cancellation"];

/// The value that is assigned to the name in which a word stands. Most names are assigned nothing, which the bytes behind them
/// tell: no more is read then.
pub(super) fn value(text: &[u8], word: Range<usize>) -> Option<Range<usize>> {
    let at = word.end;
    let near = &text[at..text.len().min(at + REACH + LONGEST)];
    let name = near.iter().position(|byte| !is_of(&OF_NAME, *byte))?;
    let start = name + operator(&near[name..])?;
    if name > 40 || near[start] == b'\n' || is_about(&near[..name]) || is_open(text, word.start) {
        return None;
    }
    let quote = Some(near[start]).filter(|byte| b"\"'`".contains(byte));
    // Inside of JSON that is text in JSON, quotes are escaped.
    let (start, quote) = match &near[start..] {
        [b'\\', quote @ (b'"' | b'\''), ..] => (start + 2, Some(*quote)),
        _ => (start + usize::from(quote.is_some()), quote),
    };
    let rest = &near[start..];
    let length = match quote {
        Some(quote) => {
            let end = rest.iter().position(|byte| *byte == quote || *byte == b'\n').filter(|end| rest[*end] == quote);
            end.map(|end| end - usize::from(end > 0 && rest[end - 1] == b'\\'))
        }
        None => Some(rest.iter().position(|byte| is_of(&ENDING, *byte)).unwrap_or(rest.len())),
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
    let Some(last) = rest.last().map(u8::to_ascii_lowercase) else { return false };
    let ends = |ending: &str| {
        let Some(cut) = rest.len().checked_sub(ending.len()) else { return false };
        let (before, end) = rest.split_at(cut);
        let begins = end[0].is_ascii_uppercase() || before.last().is_none_or(|byte| !byte.is_ascii_alphanumeric());
        end.eq_ignore_ascii_case(ending.as_bytes()) && begins
    };
    ABOUT.iter().any(|ending| ending.as_bytes().last() == Some(&last) && ends(ending))
}

/// How many bytes lie between a name and its value: closing quotes, spaces and an operator.
fn operator(text: &[u8]) -> Option<usize> {
    let skip = |from: usize, of: &Bytes| text[from..].iter().position(|byte| !is_of(of, *byte)).map(|count| from + count);
    let closed = skip(0, &CLOSING)?;
    let signs = skip(closed, &SIGNS)?;
    if signs == closed {
        let word = text[..closed].ends_with(b" ") && text[closed..].starts_with(b"is ");
        return if word { skip(closed + 2, &SPACES) } else { None };
    }
    // `==` and `===` compare, `::` is a path, and `">` ends a tag of which the name was an attribute's value: none assigns.
    let sign = &text[closed..signs];
    let none = sign.starts_with(b"==") || sign.starts_with(b"::") || (sign.starts_with(b">") && closed > 0);
    if none { None } else { skip(signs, &SPACES) }
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
