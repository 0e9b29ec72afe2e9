//! Search without an index: reads everything below a prefix and counts words.

use std::collections::HashSet;

use crate::{Entry, Memory, MemoryError, Scan, Search};

/// Entries read at a time.
const PAGE: usize = 256;

pub(crate) async fn by_reading<M: Memory + ?Sized>(memory: &M, search: &Search) -> Result<Vec<Entry>, MemoryError> {
    let wanted = words(&search.words);
    let mut found: Vec<(usize, Entry)> = Vec::new();
    let mut scan = Scan::prefix(search.prefix.clone(), PAGE);
    loop {
        let page = memory.scan(&scan).await?;
        let last = page.last().map(|(key, _)| key.clone());
        let is_last = page.len() < PAGE;
        let scored = page.into_iter().map(|entry| (score(&entry, &wanted), entry));
        found.extend(scored.filter(|(score, _)| *score > 0));
        found.sort_by(|(a, (a_key, _)), (b, (b_key, _))| b.cmp(a).then_with(|| a_key.cmp(b_key)));
        found.truncate(search.limit);
        match last {
            Some(key) if !is_last => scan = scan.after(key),
            _ => return Ok(found.into_iter().map(|(_, entry)| entry).collect()),
        }
    }
}

/// How many of the wanted words a value holds.
fn score((_, value): &Entry, wanted: &HashSet<String>) -> usize {
    words(&String::from_utf8_lossy(value)).intersection(wanted).count()
}

/// The words of a text, in small letters: what stands between characters that are no letters and no digits.
pub(crate) fn words(text: &str) -> HashSet<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}
