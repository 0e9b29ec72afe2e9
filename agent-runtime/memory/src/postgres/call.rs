//! The one call that a commit is: transactions as arrays, which a function in the database runs.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::PgPool;

use crate::search::words;
use crate::transaction::prefix_end;
use crate::{Check, KEY_LIMIT, Keep, NOTES, Op, Transaction};

/// With more keys than this a commit locks the whole namespace: locks take room in the server's memory.
const LOCKS: usize = 64;
/// The most that the words of one value may take, in bytes; PostgreSQL ends at a mebibyte. Words beyond are not found.
const WORDS: usize = 512 << 10;
/// The longest word that is indexed, in bytes; PostgreSQL ends at 2046.
const WORD: usize = 256;
/// Longer times to live are for ever.
const AGES: Duration = Duration::from_secs(1000 * 365 * 86_400);

/// Transactions as the arguments of `skreaver.commit`. All checks stand in one list and all writes in another; for each
/// transaction there is the place where its own end.
#[derive(Default)]
pub(super) struct Call<'a> {
    /// The keys that are read and written; nothing where the whole namespace is locked.
    locks: Option<Vec<&'a str>>,
    check_ends: Vec<i32>,
    check_keys: Vec<&'a str>,
    /// What each must be; nothing where it must be absent.
    check_values: Vec<Option<&'a [u8]>>,
    op_ends: Vec<i32>,
    op_keys: Vec<String>,
    /// Where the deleted range ends that begins at the key; nothing where the write is about one key.
    op_ranges: Vec<Option<String>>,
    /// What is put; nothing where the key is deleted.
    op_values: Vec<Option<&'a [u8]>>,
    op_milliseconds: Vec<Option<i64>>,
    /// The words of what is put, with spaces between them.
    op_words: Vec<Option<String>>,
}

impl<'a> Call<'a> {
    pub(super) fn of(transactions: &'a [Transaction]) -> Self {
        let mut call = Self { locks: locks(transactions), ..Self::default() };
        for Transaction { checks, ops } in transactions {
            checks.iter().for_each(|check| call.check(check));
            ops.iter().for_each(|op| call.op(op));
            call.check_ends.push(length(&call.check_keys));
            call.op_ends.push(length(&call.op_keys));
        }
        call
    }

    fn check(&mut self, check: &'a Check) {
        let (key, value) = match check {
            Check::Absent { key } => (key, None),
            Check::Equals { key, value } => (key, Some(value.as_ref())),
        };
        self.check_keys.push(key.as_str());
        self.check_values.push(value);
    }

    fn op(&mut self, op: &'a Op) {
        let (key, range, value, ttl) = match op {
            Op::Put { key, value, ttl } => (key.to_string(), None, Some(value), *ttl),
            Op::Delete { key } => (key.to_string(), None, None, None),
            Op::DeleteAll { prefix } => (bound(prefix), Some(end(prefix_end(prefix))), None, None),
        };
        self.op_words.push(value.filter(|_| key.starts_with(NOTES)).map(|value| indexed(&String::from_utf8_lossy(value))));
        self.op_keys.push(key);
        self.op_ranges.push(range);
        self.op_values.push(value.map(AsRef::as_ref));
        self.op_milliseconds.push(ttl.and_then(milliseconds));
    }

    /// Makes the call. The answer has, for each transaction, the check that did not hold, if there was one.
    pub(super) async fn make(&self, pool: &PgPool, namespace: &str, keep: Keep) -> Result<Vec<Option<i32>>, sqlx::Error> {
        let sql = "SELECT skreaver.commit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        let may_wait_for_disk = match keep {
            Keep::Written => false,
            // What is committed asynchronously does not survive a crash of the server.
            Keep::Buffered | Keep::Durable => true,
        };
        let call = sqlx::query_scalar(sql).bind(namespace).bind(may_wait_for_disk).bind(&self.locks);
        let call = call.bind(&self.check_ends).bind(&self.check_keys).bind(&self.check_values);
        let call = call.bind(&self.op_ends).bind(&self.op_keys).bind(&self.op_ranges).bind(&self.op_values);
        call.bind(&self.op_milliseconds).bind(&self.op_words).fetch_one(pool).await
    }
}

/// The keys that transactions read and write, if they are few and all known.
fn locks(transactions: &[Transaction]) -> Option<Vec<&str>> {
    let mut keys = BTreeSet::new();
    for Transaction { checks, ops } in transactions {
        keys.extend(checks.iter().map(|check| match check {
            Check::Absent { key } | Check::Equals { key, value: _ } => key.as_str(),
        }));
        for op in ops {
            match op {
                Op::Put { key, .. } | Op::Delete { key } => keys.insert(key.as_str()),
                Op::DeleteAll { .. } => return None,
            };
        }
    }
    (keys.len() <= LOCKS).then(|| keys.into_iter().collect())
}

fn length<T>(list: &[T]) -> i32 {
    i32::try_from(list.len()).expect("a commit of more than two thousand million parts does not fit in memory")
}

/// Whole milliseconds, rounded up.
fn milliseconds(ttl: Duration) -> Option<i64> {
    if ttl > AGES { None } else { i64::try_from(ttl.as_nanos().div_ceil(1_000_000)).ok() }
}

/// The bound of a range of keys as PostgreSQL takes it: its texts have no zero byte, and keys have neither that nor the next.
pub(super) fn bound(text: &str) -> String {
    text.replace('\0', "\u{1}")
}

/// The end of a range of keys; a text behind all of them where it has none.
pub(super) fn end(to: Option<String>) -> String {
    to.map_or_else(|| char::MAX.to_string().repeat(KEY_LIMIT / char::MAX.len_utf8() + 1), |to| bound(&to))
}

/// The words of a text that are indexed, with spaces between them.
fn indexed(text: &str) -> String {
    let mut list = String::new();
    for word in words(text).into_iter().filter(|word| word.len() <= WORD) {
        if list.len() + word.len() < WORDS {
            list.push_str(&word);
            list.push(' ');
        }
    }
    list.truncate(list.trim_end().len());
    list
}

/// The words of a text as a `tsquery` for any of them. Words are letters and digits: none ends the quotes.
pub(super) fn query(text: &str) -> String {
    indexed(text).split_whitespace().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    #[test]
    fn no_text_breaks_a_query() {
        for text in ["", "'", "a' | b", "\\", "!!", "& :* <->", "\0"] {
            let query = query(text);
            let plain = query.split(" | ").filter(|word| !word.is_empty());
            assert!(plain.clone().all(|word| word.trim_matches('\'').chars().all(char::is_alphanumeric)), "{query}");
        }
        assert_eq!(query("Harbour!"), "'harbour'");
    }

    #[test]
    fn the_end_of_all_keys_is_behind_the_last_one() {
        let last = char::MAX.to_string().repeat(KEY_LIMIT / 4);
        assert!(Key::parse(last.clone()).is_ok() && end(None) > last);
        assert_eq!(end(Some("a\0".into())), "a\u{1}");
    }

    #[test]
    fn times_to_live_are_whole_milliseconds() {
        for (ttl, expected) in [
            (Duration::ZERO, Some(0)),
            (Duration::from_nanos(1), Some(1)),
            (Duration::from_micros(1500), Some(2)),
            (Duration::MAX, None),
        ] {
            assert_eq!(milliseconds(ttl), expected, "{ttl:?}");
        }
    }
}
