//! How an API key is written, and what is kept of it.
//!
//! A key is `skr_`, thirty random letters, and the six of their checksum that GitHub's and npm's tokens end in: anybody may search
//! code and logs for keys, and nothing else looks like one. The first six letters may be shown, to tell one from another. Kept is
//! only the SHA-256. A hash without salt and stretching is enough because no person chooses a key: no other form is taken, and
//! the 140 bits that are never shown cannot be guessed.

use secrecy::SecretString;
use sha2::{Digest, Sha256};

/// What every key begins with.
pub(crate) const PREFIX: &str = "skr_";

/// How many letters of a key are random, and so how many random bytes it is made of.
const RANDOM: usize = 30;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECKSUM_LENGTH: usize = 6;

/// A new key: shown once, to who asked for it.
#[derive(Debug)]
pub struct NewApiKey {
    /// The key itself.
    pub key: SecretString,
    /// What is kept of it: a line of an entry, to which roles and an end may be added.
    pub line: String,
}

impl NewApiKey {
    /// Makes a key out of random bytes. Nothing but a random source of the system may give them.
    pub fn of(random: &[u8; RANDOM]) -> Self {
        // 62 does not divide 256: the first letters come a little more often, which costs each less than a hundredth of a bit.
        let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
        let body: String = random.iter().map(letter).collect();
        let key = format!("{PREFIX}{body}{}", checksum(&body));
        Self { line: format!("sha256:{}", hex(&hash(&key))), key: key.into() }
    }
}

/// The CRC-32 of random letters, in letters.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes()) as usize;
    let mut letters = [b'0'; CHECKSUM_LENGTH];
    for letter in letters.iter_mut().rev() {
        *letter = LETTERS[rest % LETTERS.len()];
        rest /= LETTERS.len();
    }
    letters.iter().copied().map(char::from).collect()
}

/// Whether a text is written as a key is, its checksum among it.
pub(super) fn is_well_formed(key: &str) -> bool {
    let parts = key.strip_prefix(PREFIX).and_then(|rest| rest.split_at_checked(RANDOM));
    parts.is_some_and(|(body, sum)| body.bytes().all(|byte| byte.is_ascii_alphanumeric()) && sum == checksum(body))
}

/// What is kept of a key.
pub(super) fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash that 64 hex digits are.
pub(super) fn digest(hex: &str) -> Option<[u8; 32]> {
    let is_hex = hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let byte = |index: usize| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).ok();
    if !is_hex {
        return None;
    }
    let mut digest = [0; 32];
    for (index, place) in digest.iter_mut().enumerate() {
        *place = byte(index)?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_a_token_that_github_published() {
        assert_eq!(checksum("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"), "0mLq17");
        assert!(is_well_formed("skr_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17"));
        assert!(!is_well_formed("skr_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18"));
    }
}
