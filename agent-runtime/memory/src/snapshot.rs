//! Everything below a prefix.

use crate::{Entry, Memory, MemoryError, Scan};

/// Entries read at a time.
const PAGE: usize = 1024;

pub(crate) async fn take<M: Memory + ?Sized>(memory: &M, prefix: &str) -> Result<Vec<Entry>, MemoryError> {
    let mut entries = Vec::new();
    let mut scan = Scan::prefix(prefix, PAGE);
    loop {
        let page = memory.scan(&scan).await?;
        let last = page.last().map(|(key, _)| key.clone());
        let is_last = page.len() < PAGE;
        entries.extend(page);
        match last {
            Some(key) if !is_last => scan = scan.after(key),
            _ => return Ok(entries),
        }
    }
}
