//! Where a runtime lives and dies, and a case from its first life to the verdict.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use skreaver_memory::Memory;
use skreaver_tests::mortal::{Ledger, Point};
use tokio::sync::watch;

use super::callers;
use super::left::Left;
use super::verdict::{self, Found, Report};

/// The longest that a case may take, the time included that leases hold.
const DEADLINE: Duration = Duration::from_secs(90);
/// The longest that a point which is passed for certain is waited for.
const OVERDUE: Duration = Duration::from_secs(10);

/// The passing of a point at which a life ends.
pub(crate) type End = (Point, usize);

/// A point and a seed: a process that dies there.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) point: Point,
    pub(crate) seed: u64,
}

/// What an acknowledgement is worth when a life ends there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Whatever was written is there.
    AllWritten,
    /// What was promised is there; what was only written may be gone.
    AllPromised,
    /// Nothing is certain but that what is there is whole.
    Nothing,
}

/// Where a runtime lives and dies.
pub(crate) trait Home {
    /// What an acknowledgement is worth here.
    fn promise(&self) -> Promise;
    /// The agent that it serves.
    fn agent(&self) -> &str;
    /// What was done in all lives.
    fn ledger(&self) -> &Ledger;
    /// Whether the runs of one process may be worked on by another one, so that some of its points may not be passed.
    fn has_company(&self) -> bool;
    /// Begins a life, with this end or without one; returns where it answers.
    async fn begin(&mut self, end: Option<End>) -> SocketAddr;
    /// Waits for the end of a life that has one.
    async fn end(&mut self);
    /// Ends every life now.
    async fn kill(&mut self);
    /// Memory as the dead left it.
    async fn left(&self) -> Arc<dyn Memory>;
}

impl Case {
    pub(crate) fn new(point: Point, seed: u64) -> Self {
        Self { point, seed }
    }

    /// How the lives end, one after the other; the one after the last of these has no end. Four runs outside of the session pass
    /// every point but [`Point::Claimed`], which is passed by those in it, and by one of them where another process takes the rest.
    fn ends(&self, has_company: bool) -> Vec<End> {
        let most = match (self.point == Point::Claimed, has_company) {
            (false, _) => 4,
            (true, false) => 3,
            (true, true) => 1,
        };
        let first = (self.point, 1 + self.seed as usize % most);
        let others = Point::all();
        // Each third time the next life has an end as well, which may come or not.
        let second = (self.seed % 3 == 2 && !has_company).then(|| (others[(self.seed / 3) as usize % others.len()], 1));
        std::iter::once(first).chain(second).collect()
    }
}

/// Lets a runtime die as the case says and live again, until every caller has an answer, and judges what became of it.
pub(crate) async fn survive(home: &mut impl Home, case: Case) -> Report {
    let case_of = format!("{} {} with seed {}", home.agent(), case.point.name(), case.seed);
    match tokio::time::timeout(DEADLINE, lives(home, &case)).await {
        Ok(report) => report.of(&case_of),
        Err(_) => {
            home.kill().await;
            Report::stuck(&case_of)
        }
    }
}

async fn lives(home: &mut impl Home, case: &Case) -> Report {
    let (tells, address) = watch::channel(None);
    let agent = home.agent().to_owned();
    let promise = home.promise();
    let (mut kills, mut lefts, mut resumed) = (0, Vec::new(), Instant::now());
    let told = {
        let lives = async {
            let mut ends = case.ends(home.has_company()).into_iter();
            tells.send_replace(Some(home.begin(ends.next()).await));
            loop {
                home.end().await;
                tells.send_replace(None);
                kills += 1;
                lefts.push(Left::read(home).await);
                resumed = Instant::now();
                tells.send_replace(Some(home.begin(ends.next()).await));
            }
        };
        let callers = callers::all(&agent, address.clone(), promise);
        tokio::select! {
            told = callers => told,
            never = lives => never,
        }
    };
    let resumed = resumed.elapsed();
    if kills == 0 && tokio::time::timeout(OVERDUE, home.end()).await.is_ok() {
        kills = 1;
        tells.send_replace(Some(home.begin(None).await));
    }
    let (runs, session) = callers::look(&agent, address).await;
    home.kill().await;
    let last = Left::read(home).await;
    let faults =
        verdict::judge(&Found { promise, told: &told, deeds: &home.ledger().read(), lefts: &lefts, runs, session, last });
    Report::new(kills, resumed, faults)
}
