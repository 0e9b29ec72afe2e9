//! A disk in RAM that forgets what was not synced: what a crash of the machine does, as often as one likes.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::disk::{Disk, DiskFile};
use crate::contract::random::Random;

/// A disk in RAM. What was not synced is dropped or torn by [`crash`](Self::crash), as the seed has it: any later write may
/// reach the disk and an earlier one not.
#[derive(Clone, Default)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Every file there ever was.
    files: Vec<Contents>,
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    /// Changes of names since the last sync.
    unsynced_names: Vec<Naming>,
    /// Operations until the power goes; `None`: it stays on.
    power: Option<usize>,
    /// Bytes that all files together may have; `None`: any number.
    room: Option<u64>,
    /// The next sync of a file fails.
    fails_sync: bool,
    /// How long a sync of a file takes.
    sync_takes: Duration,
    /// Syncs of files so far.
    syncs: usize,
}

#[derive(Clone)]
enum Naming {
    Add { name: String, file: usize },
    Rename { from: String, to: String, file: usize },
    Remove { name: String },
}

#[derive(Default, Clone)]
struct Contents {
    /// What a reader sees.
    current: Vec<u8>,
    /// What surely is on the disk.
    synced: Vec<u8>,
    /// What may be, since the last sync.
    unsynced: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { size: usize },
}

impl SimulatedDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the power go after that many more operations: each one after fails.
    pub fn power_off_after(&self, operations: usize) {
        self.state().power = Some(operations);
    }

    /// Gives its files room for that many bytes in all; `None`: for any number.
    pub fn room(&self, bytes: Option<u64>) {
        self.state().room = bytes;
    }

    /// Fails the next sync of a file. As with a real kernel, what it should have written counts as written from then on, and
    /// is not.
    pub fn fail_next_sync(&self) {
        self.state().fails_sync = true;
    }

    /// Lets each sync of a file take so long.
    pub fn sync_takes(&self, time: Duration) {
        self.state().sync_takes = time;
    }

    /// How many times files were synced.
    pub fn syncs(&self) -> usize {
        self.state().syncs
    }

    /// The names of the files, and their sizes.
    pub fn files(&self) -> Vec<(String, usize)> {
        let state = self.state();
        state.names.iter().map(|(name, file)| (name.clone(), state.files[*file].current.len())).collect()
    }

    /// Flips a bit of a file, synced or not. Gives whether there is one.
    pub fn flip(&self, name: &str, at: usize) -> bool {
        let mut state = self.state();
        let Some(file) = state.names.get(name).copied() else { return false };
        let Contents { current, synced, unsynced: _ } = &mut state.files[file];
        for bytes in [current, synced] {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1;
            }
        }
        true
    }

    /// The disk as it is found after a crash of the machine. This one is of no use any more.
    pub fn crash(&self, seed: u64) -> Self {
        let mut state = self.state();
        state.power = Some(0);
        let mut random = Random::seeded(seed);
        let mut names = state.synced_names.clone();
        for (naming, fate) in state.unsynced_names.iter().zip(fates(state.unsynced_names.len(), &mut random)) {
            // A change of names is never torn.
            if fate == Fate::Kept {
                naming.apply(&mut names);
            }
        }
        let survive = |contents: &Contents, random: &mut Random| {
            let left = contents.left(random);
            Contents { current: left.clone(), synced: left, unsynced: Vec::new() }
        };
        let files = state.files.iter().map(|contents| survive(contents, &mut random)).collect();
        let survivor = State { files, synced_names: names.clone(), names, ..State::default() };
        Self(Arc::new(Mutex::new(survivor)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One operation, if there is power.
    fn operate(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        match &mut state.power {
            Some(0) => return Err(io::Error::other("there is no power")),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(state)
    }
}

impl State {
    fn used(&self) -> u64 {
        self.names.values().map(|file| self.files[*file].current.len() as u64).sum()
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.unsynced_names.push(naming);
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Add { name, file } => drop(names.insert(name.clone(), *file)),
            Self::Rename { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
            Self::Remove { name } => drop(names.remove(name)),
        }
    }
}

/// What becomes of a change that was not synced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Torn,
    Lost,
}

/// Mostly a beginning of the changes is kept, as an orderly file system has it; else any of them.
fn fates(changes: usize, random: &mut Random) -> Vec<Fate> {
    if random.below(3) == 0 {
        return (0..changes).map(|_| if random.below(2) == 0 { Fate::Kept } else { Fate::Lost }).collect();
    }
    let kept = random.below(changes + 1);
    let fate = |place: usize| match place.cmp(&kept) {
        Ordering::Less => Fate::Kept,
        Ordering::Equal => Fate::Torn,
        Ordering::Greater => Fate::Lost,
    };
    (0..changes).map(fate).collect()
}

impl Contents {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.current);
        self.unsynced.push(change);
    }

    /// What a crash leaves: each change is kept, torn or lost.
    fn left(&self, random: &mut Random) -> Vec<u8> {
        let mut left = self.synced.clone();
        for (change, fate) in self.unsynced.iter().zip(fates(self.unsynced.len(), random)) {
            match (fate, change) {
                (Fate::Kept, change) => change.apply(&mut left),
                (Fate::Torn, Change::Write { at, bytes }) => {
                    let bytes = bytes[..random.below(bytes.len() + 1)].to_vec();
                    Change::Write { at: *at, bytes }.apply(&mut left);
                }
                (Fate::Torn, Change::Truncate { .. }) | (Fate::Lost, _) => {}
            }
        }
        left
    }
}

impl Change {
    fn apply(&self, contents: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => {
                contents.resize(contents.len().max(at + bytes.len()), 0);
                contents[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Self::Truncate { size } => contents.resize(*size, 0),
        }
    }
}

impl Disk for SimulatedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.operate()?.names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.operate()?;
        let file = match state.names.get(name) {
            Some(file) => *file,
            None => {
                let file = state.files.len();
                state.files.push(Contents::default());
                state.name(Naming::Add { name: name.to_owned(), file });
                file
            }
        };
        Ok(Arc::new(SimulatedFile { disk: self.clone(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.operate()?;
        let file = *state.names.get(from).ok_or(ErrorKind::NotFound)?;
        state.name(Naming::Rename { from: from.to_owned(), to: to.to_owned(), file });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.operate()?;
        state.names.get(name).ok_or(ErrorKind::NotFound)?;
        state.name(Naming::Remove { name: name.to_owned() });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.operate()?;
        state.synced_names = state.names.clone();
        state.unsynced_names.clear();
        Ok(())
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    file: usize,
}

impl DiskFile for SimulatedFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.operate()?.files[self.file].current.len() as u64)
    }

    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let state = self.disk.operate()?;
        let from = state.files[self.file].current.get(at as usize..).and_then(|rest| rest.get(..into.len()));
        into.copy_from_slice(from.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn read_at_once(&self, at: u64, into: &mut [u8]) -> io::Result<bool> {
        self.read(at, into).map(|()| true)
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.operate()?;
        let grows = (at + bytes.len() as u64).saturating_sub(state.files[self.file].current.len() as u64);
        let lacks = state.room.map_or(0, |room| (state.used() + grows).saturating_sub(room));
        // A full disk takes what fits.
        let written = bytes.len().saturating_sub(lacks as usize);
        state.files[self.file].change(Change::Write { at: at as usize, bytes: bytes[..written].to_vec() });
        if lacks > 0 { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.disk.operate()?.files[self.file].change(Change::Truncate { size: size as usize });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let time = self.disk.state().sync_takes;
        std::thread::sleep(time);
        let mut state = self.disk.operate()?;
        state.syncs += 1;
        let fails = std::mem::take(&mut state.fails_sync);
        let contents = &mut state.files[self.file];
        let changes = std::mem::take(&mut contents.unsynced);
        if fails {
            return Err(io::Error::other("the disk failed"));
        }
        changes.iter().for_each(|change| change.apply(&mut contents.synced));
        Ok(())
    }
}
