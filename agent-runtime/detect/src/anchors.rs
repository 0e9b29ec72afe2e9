//! Finds any of several hundred short texts in one pass. Four bytes at a time are looked up in a bitmap that fits into the first
//! cache; no step waits for the one before it, as those of an automaton do. What hits is compared with the few texts that begin
//! so, eight bytes at once.

const BITS: u32 = 18;
const BUCKETS: u32 = 12;
/// So many bytes are compared at once.
const HEAD: usize = 8;

/// Texts to be found, each with the number that its finder knows it by.
#[derive(Debug)]
pub(crate) struct Anchors {
    /// Which beginnings of four bytes there may be. The shortest texts, of three, have one for each byte behind them.
    bits: Box<[u64]>,
    /// Where the anchors of each bucket begin, and where the last ones end.
    buckets: Box<[usize]>,
    anchors: Box<[Anchor]>,
}

#[derive(Debug)]
struct Anchor {
    /// Its first bytes in small letters, and which of eight they are.
    head: u64,
    mask: u64,
    text: Box<[u8]>,
    any_case: bool,
    owner: usize,
}

/// An anchor that stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) at: usize,
    pub(crate) end: usize,
    pub(crate) owner: usize,
}

impl Anchors {
    /// Of texts of at least three bytes of ASCII: the text, whether it counts in any case, and its owner's number.
    pub(crate) fn new(texts: impl IntoIterator<Item = (String, bool, usize)>) -> Self {
        let (mut bits, mut sorted) = (vec![0; 1 << (BITS - 6)], Vec::new());
        for (text, any_case, owner) in texts {
            let anchor = Anchor::new(text.into_bytes().into(), any_case, owner);
            let word = anchor.head as u32;
            let fourth = if anchor.text.len() == 3 { 0..=0xff } else { 0..=0 };
            for slot in fourth.map(|byte: u32| slot(word | folded(byte << 24))) {
                bits[slot >> 6] |= 1_u64 << (slot & 63);
            }
            let bucket = if anchor.text.len() == 3 { bucket_of_three(word) } else { bucket_of_four(word) };
            sorted.push((bucket, anchor));
        }
        // In a bucket they stay in the order in which they came.
        sorted.sort_by_key(|(bucket, _)| *bucket);
        let buckets = (0..=2 << BUCKETS).map(|bucket| sorted.partition_point(|(of, _)| *of < bucket)).collect();
        Self { bits: bits.into(), buckets, anchors: sorted.into_iter().map(|(_, anchor)| anchor).collect() }
    }

    /// Calls `on_hit` for every anchor in the text that at least one byte follows, in the order in which they begin.
    pub(crate) fn scan(&self, text: &[u8], mut on_hit: impl FnMut(Hit)) {
        for (at, window) in text.windows(4).enumerate() {
            let word = folded(u32::from_le_bytes([window[0], window[1], window[2], window[3]]));
            if has(&self.bits, slot(word)) {
                self.compare(text, at, word, &mut on_hit);
            }
        }
    }

    #[inline(never)]
    fn compare(&self, text: &[u8], at: usize, word: u32, on_hit: &mut impl FnMut(Hit)) {
        let head = head(&text[at..]);
        for bucket in [bucket_of_four(word), bucket_of_three(word)] {
            for anchor in &self.anchors[self.buckets[bucket]..self.buckets[bucket + 1]] {
                if head & anchor.mask == anchor.head && anchor.stands(text, at) {
                    on_hit(Hit { at, end: at + anchor.text.len(), owner: anchor.owner });
                }
            }
        }
    }
}

impl Anchor {
    fn new(text: Box<[u8]>, any_case: bool, owner: usize) -> Self {
        let mask = u64::MAX >> (8 * HEAD.saturating_sub(text.len()));
        Self { head: head(&text) & mask, mask, text, any_case, owner }
    }

    fn stands(&self, text: &[u8], at: usize) -> bool {
        let Some(found) = text.get(at..at + self.text.len()) else { return false };
        if self.any_case { found.eq_ignore_ascii_case(&self.text) } else { *found == *self.text }
    }
}

/// The first bytes in small letters; what is missing is none of any anchor's.
fn head(text: &[u8]) -> u64 {
    let mut bytes = [0; HEAD];
    match text.first_chunk() {
        Some(first) => bytes = *first,
        None => bytes[..text.len()].copy_from_slice(text),
    }
    u64::from_le_bytes(bytes) | 0x2020_2020_2020_2020
}

/// Letters of both cases become the same; some others too, which costs a comparison.
fn folded(word: u32) -> u32 {
    word | 0x2020_2020
}

fn hash(word: u32, bits: u32) -> usize {
    (word.wrapping_mul(0x9e37_79b1) >> (32 - bits)) as usize
}

fn slot(word: u32) -> usize {
    hash(word, BITS)
}

fn bucket_of_four(word: u32) -> usize {
    hash(word, BUCKETS)
}

fn bucket_of_three(word: u32) -> usize {
    (1 << BUCKETS) + hash(word & 0xff_ffff, BUCKETS)
}

fn has(bits: &[u64], slot: usize) -> bool {
    bits.get(slot >> 6).is_some_and(|word| word >> (slot & 63) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANCHORS: [(&str, bool); 5] =
        [("ghp_", false), ("sk-", false), ("password", true), ("sk-ant-", false), ("password_of_", true)];

    fn hits(text: &str) -> Vec<(usize, usize)> {
        let owned = ANCHORS.into_iter().zip(0..).map(|((text, any_case), owner)| (text.to_owned(), any_case, owner));
        let anchors = Anchors::new(owned);
        let mut hits = Vec::new();
        anchors.scan(text.as_bytes(), |hit| hits.push((hit.at, hit.owner)));
        hits
    }

    #[test]
    fn every_anchor_is_found_where_it_stands() {
        assert_eq!(hits("x ghp_1 sk-ant-2 PassWord="), [(2, 0), (8, 3), (8, 1), (17, 2)]);
        assert_eq!(hits("GHP_1 password"), [(6, 2)]);
        assert_eq!(hits("gh"), []);
    }

    proptest! {
        #[test]
        fn none_is_missed_and_none_is_made_up(pieces in proptest::collection::vec("ghp[_\x7f]|[sS]k[-\r]|ant-|pass?|PassWord|word|_[oO]f_|.", 0..12)) {
            let text = pieces.concat();
            let stands = |at: usize, anchor: &str, any_case: bool| {
                let found = text.as_bytes().get(at..at + anchor.len());
                found.is_some_and(|found| found == anchor.as_bytes() || (any_case && found.eq_ignore_ascii_case(anchor.as_bytes())))
            };
            let expected = (0..text.len().saturating_sub(3)).flat_map(|at| {
                (0..ANCHORS.len()).filter(move |owner| stands(at, ANCHORS[*owner].0, ANCHORS[*owner].1)).map(move |owner| (at, owner))
            });
            let mut found = hits(&text);
            found.sort_unstable();
            prop_assert_eq!(found, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_short_anchor_at_the_very_end_is_of_no_use() {
        assert_eq!(hits("ab sk-"), []);
        assert_eq!(hits("ab sk-1"), [(3, 1)]);
    }
}
