//! Logs: values under rising numbers.

use bytes::Bytes;

use crate::{Check, Keep, Key, Memory, MemoryError, Op, Scan, Transaction, Verdict};

/// Digits of a number in a key: as many as `u64::MAX` has, so that byte order is the order of numbers.
const DIGITS: usize = 20;

/// The key of a number in a log.
pub(crate) fn numbered(log: &Key, number: u64) -> Result<Key, MemoryError> {
    Ok(Key::parse(format!("{log}/{number:0DIGITS$}"))?)
}

fn number(key: &Key) -> Option<u64> {
    key.as_str().rsplit('/').next()?.parse().ok()
}

/// Appends behind the last number there is; starts over when somebody else was quicker.
pub(crate) async fn append<M: Memory + ?Sized>(memory: &M, log: &Key, values: Vec<Bytes>) -> Result<Key, MemoryError> {
    loop {
        let last = memory.scan(&Scan::last(format!("{log}/"), 1)).await?;
        let first = last.first().and_then(|(key, _)| number(key)).map_or(0, |number| number + 1);
        let keys = (first..).take(values.len().max(1)).map(|number| numbered(log, number)).collect::<Result<Vec<_>, _>>()?;
        let checks = keys.iter().map(|key| Check::Absent { key: key.clone() }).collect();
        let ops = keys.iter().cloned().zip(values.iter().cloned()).map(|(key, value)| Op::put(key, value)).collect();
        let verdicts = memory.commit(&[Transaction { checks, ops }], Keep::Buffered).await?;
        if verdicts.first() == Some(&Verdict::Written) {
            return Ok(keys[0].clone());
        }
    }
}
