//! What the dead left in memory, read without the runtime.

use std::collections::BTreeMap;

use serde_json::Value;
use skreaver_memory::{Entry, Memory};
use skreaver_tests::mortal::PAY;
use skreaver_tests::until;

use super::home::Home;

/// What the dead left.
#[derive(Debug)]
pub(super) struct Left {
    /// By their ids.
    pub(super) runs: BTreeMap<String, Run>,
    /// Ids of runs that are marked as open.
    pub(super) open: Vec<String>,
    /// How long the ledger was when this was read.
    pub(super) deeds: usize,
}

/// What is left of a run.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// What it was told.
    pub(super) label: String,
    /// How many answers of the model are written.
    pub(super) answers: usize,
    /// How its payment ended is written.
    pub(super) is_settled: bool,
    /// Its answer, if it has ended with one.
    pub(super) output: Option<String>,
    /// The tools that it asked for.
    tools: Vec<String>,
}

impl Left {
    /// Reads what is left in this home.
    pub(super) async fn read(home: &impl Home) -> Self {
        let memory = home.left().await;
        let mut runs: BTreeMap<String, Run> = BTreeMap::new();
        for entry in entries(&*memory, "run/").await {
            let document = content(&entry);
            let output = document["stage"]["end"]["output"].as_str().map(str::to_owned);
            runs.entry(part(&entry, 1).to_owned()).or_default().output = output;
        }
        // In order: by run, and by number.
        for entry in entries(&*memory, "record/").await {
            runs.entry(part(&entry, 1).to_owned()).or_default().note(&content(&entry));
        }
        let open = entries(&*memory, "open/").await.iter().map(|entry| part(entry, 1).to_owned()).collect();
        drop(memory);
        Self { runs, open, deeds: home.ledger().read().len() }
    }
}

impl Run {
    fn note(&mut self, event: &Value) {
        let is_payment = |run: &Self| {
            let call = event["call"].as_u64().and_then(|call| usize::try_from(call).ok());
            call.and_then(|call| run.tools.get(call)).is_some_and(|tool| tool == PAY)
        };
        match event["event"].as_str() {
            Some("observed") => self.label = event["input"].as_str().unwrap_or_default().to_owned(),
            Some("answered") => {
                self.answers += 1;
                let requests = event["answer"]["tool_requests"].as_array().into_iter().flatten();
                self.tools.extend(requests.filter_map(|request| request["tool"].as_str()).map(str::to_owned));
            }
            Some("tool_ended") if is_payment(self) => self.is_settled = true,
            _ => {}
        }
    }
}

async fn entries(memory: &dyn Memory, prefix: &str) -> Vec<Entry> {
    until("what the dead left", async || memory.snapshot(prefix).await.ok()).await
}

/// Part of a key, counted from zero.
fn part((key, _): &Entry, number: usize) -> &str {
    key.as_str().split('/').nth(number).unwrap_or_default()
}

/// An entry behind its checksum.
fn content((key, value): &Entry) -> Value {
    serde_json::from_slice(&value[9..]).unwrap_or_else(|error| panic!("`{key}` is no entry: {error}"))
}
