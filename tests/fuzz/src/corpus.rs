//! The inputs of a target that are kept: well-formed ones, hostile ones, and those that once broke something.

use std::path::PathBuf;
use std::{fs, io};

/// The inputs that are kept for one target, by their file names.
#[derive(Debug, Clone)]
pub struct Corpus(pub Vec<(String, Vec<u8>)>);

/// Where the corpus of a target lies.
pub fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

impl Corpus {
    /// Reads the corpus of a target, in the order of names.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(target: &str) -> io::Result<Self> {
        let mut inputs = Vec::new();
        for entry in fs::read_dir(folder(target))? {
            let entry = entry?;
            inputs.push((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?));
        }
        inputs.sort();
        Ok(Self(inputs))
    }

    /// Adds an input that broke the target. Gives its name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(target: &str, input: &[u8]) -> io::Result<String> {
        let sum = input.iter().fold(0u64, |sum, byte| sum.wrapping_mul(0x0100_0000_01b3) ^ u64::from(*byte));
        let name = format!("broke-{sum:016x}");
        fs::write(folder(target).join(&name), input)?;
        Ok(name)
    }

    /// The words of all inputs, out of which new ones are made.
    pub(crate) fn words(&self) -> Vec<Vec<u8>> {
        let split = |byte: &u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'-');
        let words = self.0.iter().flat_map(|(_, input)| input.split(split)).filter(|word| (2..40).contains(&word.len()));
        let mut words: Vec<_> = words.map(<[u8]>::to_vec).collect();
        words.sort();
        words.dedup();
        words
    }
}
