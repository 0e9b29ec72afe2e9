//! Fuzz targets: whatever strangers may send, and what has to hold of it.
//!
//! A [`Target`] is a function of bytes that panics where something does not hold. It says what became of the bytes, and an
//! input of which something new became is kept for the rest of the campaign and changed further. There is no instrumentation, so
//! that everything builds with the stable compiler; what guides a campaign instead are the corpora in `corpus/`, whose words and
//! JSON are taken apart and put together anew.

mod campaign;
mod corpus;
mod mutate;
mod random;
pub mod targets;

use std::fmt::Debug;

pub use campaign::{Broken, Campaign, Done};
pub use corpus::{Corpus, folder};

/// Something that takes bytes of strangers.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Takes them; panics where something does not hold of what becomes of them.
    pub take: fn(&[u8]) -> Came,
}

/// What became of an input, in short: two inputs of which the same became are of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Came(u64);

impl Came {
    /// It was refused before anything was made of it.
    pub const NOTHING: Self = Self(0);

    /// This. All of it counts.
    pub fn to(this: &impl Debug) -> Self {
        Self(hash(format!("{this:?}").bytes()))
    }

    /// What is wrong with it, in words. Digits and whatever stands in quotes differ from input to input, and do not count.
    pub fn told(why: &impl Debug) -> Self {
        let mut quoted = false;
        Self(hash(format!("{why:?}").bytes().filter(|byte| {
            quoted ^= *byte == b'`';
            !quoted && !byte.is_ascii_digit()
        })))
    }
}

/// FNV-1a.
fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
