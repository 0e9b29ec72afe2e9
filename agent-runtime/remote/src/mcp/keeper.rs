//! Keeps a source: reaches its server, lists its tools when they may be others, and reaches it again when it is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::service::Peer;
use skreaver_detect::Content;
use skreaver_protocol::ToolName;
use skreaver_protocol::config::McpConfig;
use skreaver_tools::Tool;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};

use super::board::Board;
use super::choice::Choice;
use super::listing::{Listing, list};
use super::session::Session;
use super::tool::{Line, McpTool};
use crate::World;

/// How often tools are listed where nobody tells that they are others.
const EVERY: Duration = Duration::from_secs(300);
/// The least time between two lists, however often the server tells.
const REST: Duration = Duration::from_millis(200);
/// How long to wait before a lost server is reached again, at first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Keeps a source until it is dropped.
pub(super) async fn keep(name: ToolName, config: McpConfig, world: World, board: Arc<Board>) {
    let choice = match Choice::compile(&config.include, &config.exclude) {
        Ok(choice) => choice,
        Err(why) => {
            warn!(source = %name, why, "an MCP server is not used");
            board.lost(why);
            return;
        }
    };
    let peer = watch::Sender::new(None);
    let changed = Arc::default();
    let (guard, timeout) = (world.guard.clone(), config.timeout.get());
    let line = Line { peer: peer.subscribe(), board, guard, changed: Arc::clone(&changed), timeout };
    let mut keeper = Keeper { name, choice, content: Content::new(), line, peer, changed, told: BTreeSet::new() };
    let mut failures = 0;
    loop {
        let why = match Session::start(&config, &world, &keeper.changed).await {
            Ok(session) => keeper.serve(session, &mut failures).await,
            Err(why) => why,
        };
        keeper.lose(why);
        sleep(wait(failures, chance())).await;
        failures += 1;
    }
}

struct Keeper {
    name: ToolName,
    choice: Choice,
    content: Content,
    line: Line,
    peer: watch::Sender<Option<Peer<RoleClient>>>,
    /// The tools may be others, or the server may be gone: it is looked after both ways by listing them.
    changed: Arc<Notify>,
    /// What was left out and is in the log already.
    told: BTreeSet<String>,
}

impl Keeper {
    /// Keeps the offer true as long as the session lasts, and says why it did not.
    async fn serve(&mut self, session: Session, failures: &mut u32) -> String {
        let changed = Arc::clone(&self.changed);
        let mut listening = std::pin::pin!(session.listen(&changed));
        loop {
            let announced = match session.tools().await {
                Ok(announced) => announced,
                Err(why) => return why,
            };
            *failures = 0;
            self.peer.send_replace(Some(session.peer()));
            self.offer(list(&self.name, &self.choice, &self.content, &announced));
            let next = Instant::now() + EVERY.mul_f64(0.9 + chance() / 5.0);
            tokio::select! {
                () = changed.notified() => {}
                () = sleep_until(next) => {}
                never = &mut listening => match never {},
                () = session.ended() => return "the server ended the connection".to_owned(),
            }
            sleep(REST).await;
        }
    }

    fn offer(&mut self, listing: Listing) {
        for why in &listing.left_out {
            if self.told.len() < 1024 && self.told.insert(why.clone()) {
                warn!(source = %self.name, why, "a tool of an MCP server is left out");
            }
        }
        let (name, line) = (&self.name, &self.line);
        let make = |listing: &Listing| {
            let tool = |listed: &super::listing::Listed| -> (ToolName, Arc<dyn Tool>) {
                let tool = McpTool { source: name.clone(), listed: listed.clone(), line: line.clone() };
                (listed.name.clone(), Arc::new(tool))
            };
            listing.tools.iter().map(tool).collect::<BTreeMap<_, _>>()
        };
        let tools = listing.tools.len();
        if self.line.board.listed(listing, make) {
            info!(source = %self.name, tools, "the tools of an MCP server are found");
        }
    }

    fn lose(&self, why: String) {
        if self.line.board.lost(why.clone()) {
            warn!(source = %self.name, why, "an MCP server is lost");
        }
        self.peer.send_replace(None);
    }
}

/// How long to wait after so many failures: twice as long each time, and somewhat by chance, so that not all replicas come at
/// once to a server that begins anew.
fn wait(failures: u32, chance: f64) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << failures.min(10)).min(LONGEST_WAIT);
    doubled.mul_f64(0.5 + chance / 2.0)
}

/// From 0 to 1.
fn chance() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_half_a_minute_and_are_never_all_alike() {
        assert_eq!(wait(0, 1.0), Duration::from_millis(250));
        assert_eq!(wait(0, 0.0), Duration::from_millis(125));
        assert_eq!(wait(3, 1.0), Duration::from_secs(2));
        assert_eq!(wait(u32::MAX, 1.0), LONGEST_WAIT);
        let chances: Vec<_> = (0..8).map(|_| chance()).collect();
        assert!(chances.iter().all(|chance| (0.0..=1.0).contains(chance)) && chances.iter().any(|chance| *chance != chances[0]));
    }
}
