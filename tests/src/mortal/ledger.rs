//! What a runtime did that its memory cannot take back: questions that reached the model, and effects of tools.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file that every life appends to. A line is written in one go, so that it is whole or not there, whoever else writes.
pub struct Ledger {
    path: PathBuf,
    file: File,
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// The model was asked by the run with this label, which had this many answers before.
    Asked {
        /// What the run was told.
        label: String,
        /// The answers before.
        turn: usize,
    },
    /// A tool made its effect.
    Effect {
        /// [`STAMP`](super::STAMP) or [`PAY`](super::PAY).
        tool: String,
        /// What the run was told.
        label: String,
        /// The id of the call: run, slash, number.
        id: String,
    },
}

impl Ledger {
    /// Opens a ledger, which is made where there is none.
    ///
    /// # Errors
    /// As the file system has it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().append(true).create(true).open(path)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Writes a line.
    ///
    /// # Panics
    /// When it cannot: a test that does not know what was done says nothing.
    pub(super) fn write(&self, deed: &Deed) {
        let line = match deed {
            Deed::Asked { label, turn } => format!("asked {label} {turn}\n"),
            Deed::Effect { tool, label, id } => format!("{tool} {label} {id}\n"),
        };
        (&self.file).write_all(line.as_bytes()).expect("the ledger can be written");
    }

    /// All lines so far.
    ///
    /// # Panics
    /// When they cannot be read, or one is no line of ours.
    pub fn read(&self) -> Vec<Deed> {
        let text = fs::read_to_string(&self.path).expect("the ledger can be read");
        let deed = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
            ["asked", label, turn] => Deed::Asked { label: label.to_owned(), turn: turn.parse().expect("a turn is a number") },
            [tool, label, id] => Deed::Effect { tool: tool.to_owned(), label: label.to_owned(), id: id.to_owned() },
            _ => panic!("`{line}` is no line of a ledger"),
        };
        text.lines().map(deed).collect()
    }
}
