//! Finds any of several hundred short texts in one pass. Four bytes at a time are looked up in a bitmap that fits into the first
//! cache; no step waits for the one before it, as those of an automaton do, and only what hits is compared.

const BITS: u32 = 17;
const BUCKETS: u32 = 12;

/// Texts to be found, each with the number that its finder knows it by.
#[derive(Debug)]
pub(crate) struct Anchors {
    /// Which beginnings of four bytes, and of three for the shortest texts, there may be.
    four: Box<[u64]>,
    three: Box<[u64]>,
    buckets: Box<[Vec<Anchor>]>,
}

#[derive(Debug, Clone)]
struct Anchor {
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
        let empty = || vec![0; 1 << (BITS - 6)].into_boxed_slice();
        let mut anchors = Self { four: empty(), three: empty(), buckets: vec![Vec::new(); 1 << (BUCKETS + 1)].into() };
        for (text, any_case, owner) in texts {
            let text = text.into_bytes().into_boxed_slice();
            let word = folded([text[0], text[1], text[2], text.get(3).copied().unwrap_or_default()]);
            let (bits, bucket) = match text.len() {
                3 => (&mut anchors.three, bucket_of_three(word)),
                _ => (&mut anchors.four, bucket_of_four(word)),
            };
            let slot = if text.len() == 3 { slot(word & 0xff_ffff) } else { slot(word) };
            bits[slot >> 6] |= 1 << (slot & 63);
            anchors.buckets[bucket].push(Anchor { text, any_case, owner });
        }
        anchors
    }

    /// Calls `on_hit` for every anchor in the text that at least one byte follows, in the order in which they begin.
    pub(crate) fn scan(&self, text: &[u8], mut on_hit: impl FnMut(Hit)) {
        for (at, window) in text.windows(4).enumerate() {
            let word = folded([window[0], window[1], window[2], window[3]]);
            if has(&self.four, slot(word)) {
                self.compare(text, at, bucket_of_four(word), &mut on_hit);
            }
            if has(&self.three, slot(word & 0xff_ffff)) {
                self.compare(text, at, bucket_of_three(word), &mut on_hit);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn compare(&self, text: &[u8], at: usize, bucket: usize, on_hit: &mut impl FnMut(Hit)) {
        for Anchor { text: anchor, any_case, owner } in &self.buckets[bucket] {
            let end = at + anchor.len();
            let Some(found) = text.get(at..end) else { continue };
            if *found == **anchor || (*any_case && found.eq_ignore_ascii_case(anchor)) {
                on_hit(Hit { at, end, owner: *owner });
            }
        }
    }
}

/// Letters of both cases become the same; some others too, which costs a comparison.
fn folded(bytes: [u8; 4]) -> u32 {
    u32::from_le_bytes(bytes) | 0x2020_2020
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
    use super::*;

    fn hits(text: &str) -> Vec<(usize, usize)> {
        let anchors = Anchors::new(
            [("ghp_", false), ("sk-", false), ("password", true), ("sk-ant-", false)]
                .into_iter()
                .zip(0..)
                .map(|((text, any_case), owner)| (text.to_owned(), any_case, owner)),
        );
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

    #[test]
    fn a_short_anchor_at_the_very_end_is_of_no_use() {
        assert_eq!(hits("ab sk-"), []);
        assert_eq!(hits("ab sk-1"), [(3, 1)]);
    }
}
