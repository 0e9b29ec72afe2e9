//! The program `skreaver-fuzz`: campaigns of any length against any targets.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use skreaver_fuzz::{Campaign, Corpus, Done, Target, folder, targets};

/// Makes inputs and gives them to targets. What breaks one is added to its corpus, and the program fails.
#[derive(Parser)]
struct Arguments {
    /// The targets. Absent: all.
    targets: Vec<String>,
    /// How many inputs each of them takes.
    #[arg(long, default_value_t = 1_000_000)]
    executions: u64,
    /// What decides the inputs. Absent: the time.
    #[arg(long)]
    seed: Option<u64>,
    /// Each target ends after so many seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// How many targets run at a time.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Writes each input to this file before it is taken: for one that ends the whole process. With one target.
    #[arg(long)]
    last: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let Arguments { targets: wanted, executions, seed, seconds, jobs, last } = Arguments::parse();
    let unknown: Vec<_> = wanted.iter().filter(|name| !targets::ALL.iter().any(|target| target.name == **name)).collect();
    anyhow::ensure!(unknown.is_empty(), "there is no target {unknown:?}");
    let seed = seed.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs()));
    println!("seed {seed}, {executions} executions each");
    // What breaks is told at its end, once.
    std::panic::set_hook(Box::new(|_| {}));
    let is_wanted = |target: &&Target| wanted.is_empty() || wanted.iter().any(|name| name == target.name);
    let queue: Mutex<Vec<Target>> = Mutex::new(targets::ALL.iter().rev().filter(is_wanted).copied().collect());
    let next = || queue.lock().ok().and_then(|mut queue| queue.pop());
    let campaign = || Campaign {
        executions,
        seed,
        until: seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
        last: last.clone(),
    };
    let work = || -> anyhow::Result<usize> {
        let mut broken = 0;
        while let Some(target) = next() {
            broken += usize::from(!run(target, &campaign())?);
        }
        Ok(broken)
    };
    let broken = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().map_err(|_| anyhow::anyhow!("a worker broke"))?)
            .sum::<anyhow::Result<usize>>()
    })?;
    anyhow::ensure!(broken == 0, "{broken} targets broke");
    Ok(())
}

/// Whether a target holds.
fn run(target: Target, campaign: &Campaign) -> anyhow::Result<bool> {
    let begun = Instant::now();
    match campaign.run(target)? {
        Ok(Done { executions, kinds }) => {
            println!("{:24} {executions} executions, {kinds} kinds, {:.0?}", target.name, begun.elapsed());
            Ok(true)
        }
        Err(broken) => {
            let name = Corpus::keep(target.name, &broken.input)?;
            println!("{:24} BROKE: {}", target.name, broken.why);
            println!("{:24} {} has the input; make test takes it from now on", "", folder(target.name).join(name).display());
            Ok(false)
        }
    }
}
