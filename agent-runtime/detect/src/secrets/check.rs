//! What a pattern cannot tell: checksums, structure, and whether a value looks random or like something that stands for one.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::words;

/// What was matched: all of it, and what of it is not the anchor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match<'t> {
    pub(super) whole: &'t str,
    pub(super) rest: &'t str,
}

/// Whether what was matched is a secret.
pub(super) type Check = fn(Match<'_>) -> bool;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true);
const URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);

/// Its structure says enough.
pub(super) fn always(_: Match<'_>) -> bool {
    true
}

/// Looks as if dice had made it, and not like what documentation shows in its place.
pub(super) fn random(found: Match<'_>) -> bool {
    at_random(found, 2.5)
}

/// The cheapest question comes first.
fn at_random(found: Match<'_>, least: f64) -> bool {
    !in_order(found.rest) && entropy(found.rest) >= least && !words::placeholder(found.whole)
}

/// The same, and no row of words: for what nothing but a vendor's name beside it makes a token.
pub(super) fn opaque(found: Match<'_>) -> bool {
    random(found) && (found.rest.bytes().any(|byte| byte.is_ascii_digit()) || !words::look_like_words(found.rest))
}

/// The same, for alphabets in which words and names of things are written too.
pub(super) fn very_random(found: Match<'_>) -> bool {
    at_random(found, 3.2) && !words::look_like_words(found.rest)
}

/// Letters of both cases and digits, or none of these but no words either.
pub(super) fn three_cases(found: Match<'_>) -> bool {
    let has = |of: fn(&u8) -> bool| found.rest.bytes().any(|byte| of(&byte));
    let cases = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    random(found) && cases && (has(u8::is_ascii_digit) || !words::look_like_words(found.rest))
}

/// A password inside of an address or a connection string: anything but what stands for one.
pub(super) fn password_of_address(found: Match<'_>) -> bool {
    found.rest.len() >= 3
        && !words::placeholder(found.rest)
        && !words::stands_for_a_password(found.rest)
        && !words::is_code(found.rest)
}

/// Thirty characters and, as six digits in base 62, their CRC-32: GitHub's tokens, npm's and ours. Longer ones are of a later format.
pub(super) fn crc32_base62(found: Match<'_>) -> bool {
    let [body @ .., _, _, _, _, _, _] = found.rest.as_bytes() else { return false };
    if !random(found) || body.len() != 30 {
        return random(found);
    }
    let mut value = crc32fast::hash(body);
    let mut digits = [0; 6];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[(value % 62) as usize];
        value /= 62;
    }
    found.rest.as_bytes().ends_with(&digits)
}

/// Ends in the CRC-32 of what stands before the last `_`, in hexadecimal: Grafana's tokens.
pub(super) fn crc32_hex(found: Match<'_>) -> bool {
    let parts = found.whole.rsplit_once('_');
    parts.is_some_and(|(body, sum)| u32::from_str_radix(sum, 16) == Ok(crc32fast::hash(body.as_bytes())))
}

/// Three parts, of which the first two are JSON objects and the first names an algorithm.
pub(super) fn jwt(found: Match<'_>) -> bool {
    let mut parts = found.whole.split('.').map(object);
    parts.next().flatten().is_some_and(|header| header.contains_key("alg")) && parts.next().flatten().is_some()
}

fn object(part: &str) -> Option<serde_json::Map<String, serde_json::Value>> {
    serde_json::from_slice(&URL.decode(part).ok()?).ok()
}

/// A private key, encoded once more.
pub(super) fn encoded_private_key(found: Match<'_>) -> bool {
    decoded(found.whole).is_some_and(|text| text.windows(12).any(|window| window == b"PRIVATE KEY-"))
}

/// A name and a password with a colon between them, encoded.
pub(super) fn encoded_login(found: Match<'_>) -> bool {
    let text = decoded(found.rest).and_then(|text| String::from_utf8(text).ok());
    let login = text.as_deref().and_then(|text| text.split_once(':'));
    login.is_some_and(|(name, password)| {
        !text.as_deref().unwrap_or_default().contains(char::is_control)
            && !name.is_empty()
            && password_of_address(Match { whole: password, rest: password })
    })
}

/// JSON, encoded; a signature may follow behind a `_`.
pub(super) fn encoded_json(found: Match<'_>) -> bool {
    let is_json = |body: &str| URL.decode(body).or_else(|_| PLAIN.decode(body)).is_ok_and(|text| text.starts_with(b"{\""));
    let body = found.whole.find("eyJ").map(|at| &found.whole[at..]);
    body.is_some_and(|body| is_json(body) || body.rsplit_once('_').is_some_and(|(body, _)| is_json(body)))
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    PLAIN.decode(&text[..text.len() - usize::from(text.len() % 4 == 1)]).ok()
}

/// Shannon's entropy in bits for each byte.
pub(super) fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let length = text.len().max(1) as f64;
    counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / length).map(|share| -share * share.log2()).sum()
}

/// Mostly the alphabet or the digits in their order.
fn in_order(text: &str) -> bool {
    let pairs = text.as_bytes().windows(2);
    let (all, steps) = (pairs.len(), pairs.filter(|pair| pair[1].wrapping_sub(pair[0]) <= 1).count());
    all >= 4 && steps * 2 > all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(check: Check, text: &str) -> bool {
        check(Match { whole: text, rest: text })
    }

    #[test]
    fn the_checksum_is_that_of_a_token_that_was_published() {
        // GitHub's own example, revoked long ago.
        assert!(whole(crc32_base62, "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17"));
        assert!(!whole(crc32_base62, "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18"));
    }

    #[test]
    fn a_jwt_is_known_by_its_header() {
        assert!(whole(jwt, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"));
        assert!(!whole(jwt, "eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"));
        assert!(!whole(jwt, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhI.c2lnbmF0dXJl"));
    }

    #[test]
    fn what_is_in_order_or_of_few_letters_is_not_random() {
        assert!(whole(random, "f3K9xQ2mZ7"));
        for text in ["aaaaaaaaaaaaaaaa", "0123456789abcdef", "ABCDEFGHIJKLMNOP", "xxxxxxxxx4xxx"] {
            assert!(!whole(random, text), "{text}");
        }
    }
}
