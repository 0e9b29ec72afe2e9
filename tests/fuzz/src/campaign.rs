//! A campaign: a target takes as many inputs as it is asked to, all decided by a seed.

use std::any::Any;
use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::corpus::Corpus;
use crate::mutate::mutated;
use crate::random::Random;
use crate::{Came, Target};

/// The most inputs that are changed further.
const POOL: usize = 2048;
/// How long one input may take. A busy machine takes a part of it; what is not linear takes more.
const LONGEST: Duration = Duration::from_secs(20);

/// What is to be done with a target.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// How many inputs are made, besides those that are kept.
    pub executions: u64,
    /// What decides them.
    pub seed: u64,
    /// When it ends before that.
    pub until: Option<Instant>,
    /// Where each input is written before it is taken, for those that end the whole process.
    pub last: Option<PathBuf>,
}

/// What a campaign did.
#[derive(Debug, Clone, Copy)]
pub struct Done {
    /// The inputs that were taken.
    pub executions: u64,
    /// Of how many kinds they were.
    pub kinds: usize,
}

/// An input of which something does not hold.
#[derive(Debug)]
pub struct Broken {
    /// It.
    pub input: Vec<u8>,
    /// What does not hold.
    pub why: String,
}

impl Campaign {
    /// Carries it out.
    ///
    /// # Errors
    /// When the corpus cannot be read, or the last input cannot be written.
    pub fn run(&self, target: Target) -> io::Result<Result<Done, Broken>> {
        let corpus = Corpus::of(target.name)?;
        let words = corpus.words();
        let mut random = Random::seeded(self.seed);
        let (mut pool, mut kinds, mut executions) = (Vec::new(), BTreeSet::new(), 0);
        for (_, input) in &corpus.0 {
            match self.take(target, input)? {
                Ok(came) => drop(kinds.insert(came)),
                Err(broken) => return Ok(Err(broken)),
            }
            pool.push(input.clone());
        }
        let kept = pool.len();
        while executions < self.executions && self.until.is_none_or(|until| Instant::now() < until) {
            let (one, other) = (random.below(pool.len()), random.below(pool.len()));
            let input = mutated(&pool[one], &pool[other], &words, &mut random);
            executions += 1;
            match self.take(target, &input)? {
                Ok(came) if kinds.insert(came) && pool.len() < POOL => pool.push(input),
                Ok(_) if pool.len() > kept && random.one_in(4096) => {
                    drop(pool.swap_remove(kept + random.below(pool.len() - kept)))
                }
                Ok(_) => {}
                Err(broken) => return Ok(Err(broken)),
            }
        }
        Ok(Ok(Done { executions, kinds: kinds.len() }))
    }

    fn take(&self, target: Target, input: &[u8]) -> io::Result<Result<Came, Broken>> {
        if let Some(last) = &self.last {
            std::fs::write(last, input)?;
        }
        let begun = Instant::now();
        let came = catch_unwind(AssertUnwindSafe(|| (target.take)(input)));
        let broken = |why| Ok(Err(Broken { input: input.to_vec(), why }));
        match came {
            Err(panic) => broken(text(&*panic)),
            Ok(_) if begun.elapsed() > LONGEST => broken(format!("it took {:?}", begun.elapsed())),
            Ok(came) => Ok(Ok(came)),
        }
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a text".to_owned())
}
