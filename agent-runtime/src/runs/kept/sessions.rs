//! What is kept of sessions: what was said, and what stands for its beginning.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use skreaver_memory::{Check, Op, Scan, Transaction, Verdict};
use skreaver_protocol::message::Message;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Kept, PAGE, read};
use crate::coordinator::Remembered;
use crate::runs::journal::{History, JournalError};
use crate::runs::{SessionPlace, keys, record};

/// How often a session is looked at in which somebody works.
const GLANCE: Duration = Duration::from_millis(100);
/// How long a session in which somebody works is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most messages of a session that a run looks back on.
const LONGEST_HISTORY: usize = 2000;

/// What stands for the messages of a session up to a number.
#[derive(Serialize, Deserialize)]
struct StoredSummary {
    text: String,
    covers: u64,
}

impl Kept {
    /// What was said in a session.
    pub(crate) async fn history(&self, session: &SessionPlace) -> Result<History, JournalError> {
        let (summary, tools) = (keys::summary(session), keys::read(session));
        let (summary, tools) = tokio::try_join!(self.memory.get(&summary), self.memory.get(&tools))?;
        let summary: Option<StoredSummary> = summary.map(|bytes| read(&bytes)).transpose()?;
        let tools: Option<BTreeSet<String>> = tools.map(|bytes| read(&bytes)).transpose()?;
        let covers = summary.as_ref().map_or(0, |summary| summary.covers);
        let messages = self.messages(session, covers).await?;
        let messages = whole_turns(messages, covers > 0);
        Ok(History { summary: summary.map(|summary| summary.text), messages, read: tools.unwrap_or_default() })
    }

    /// The last messages of a session, from number `first` on.
    pub(super) async fn messages(&self, session: &SessionPlace, first: u64) -> Result<Vec<Message>, JournalError> {
        let mut messages: Vec<Message> = Vec::new();
        let mut scan = Scan::last(keys::messages(session), PAGE);
        'pages: loop {
            let page = self.memory.scan(&scan).await?;
            let last = page.last().map(|(key, _)| key.clone());
            let is_last = page.len() < PAGE;
            for (key, bytes) in page {
                if keys::last_part::<u64>(&key).is_none_or(|number| number < first) || messages.len() >= LONGEST_HISTORY {
                    break 'pages;
                }
                messages.push(read(&bytes)?);
            }
            match last {
                Some(key) if !is_last => scan = scan.after(key),
                _ => break,
            }
        }
        messages.reverse();
        Ok(messages)
    }

    /// All that is kept of a session: what stands for its beginning, and its last messages.
    pub(crate) async fn said(&self, session: &SessionPlace) -> Result<(Option<String>, Vec<Message>), JournalError> {
        let summary: Option<StoredSummary> = match self.memory.get(&keys::summary(session)).await? {
            Some(bytes) => Some(read(&bytes)?),
            None => None,
        };
        Ok((summary.map(|summary| summary.text), self.messages(session, 0).await?))
    }

    /// Forgets a session in which nobody works; where somebody does, they are waited for a while. `false` where nothing is kept of it.
    pub(crate) async fn forget(&self, session: &SessionPlace) -> Result<bool, JournalError> {
        let is_kept = !self.memory.scan(&Scan::prefix(keys::session(session), 1)).await?.is_empty();
        let lease = keys::lease(Uuid::nil(), Some(session));
        let gone = Transaction {
            checks: vec![Check::Absent { key: lease }],
            ops: vec![Op::DeleteAll { prefix: keys::session(session) }],
        };
        let give_up = Instant::now() + PATIENCE;
        loop {
            match self.group.commit(gone.clone(), self.promise).await.map_err(JournalError::Memory)? {
                Verdict::Written => return Ok(is_kept),
                Verdict::Refused { .. } if Instant::now() > give_up => return Err(JournalError::Busy),
                Verdict::Refused { .. } => tokio::time::sleep(GLANCE).await,
            }
        }
    }

    pub(super) async fn next_message(&self, session: &SessionPlace) -> Result<u64, JournalError> {
        let last = self.memory.scan(&Scan::last(keys::messages(session), 1)).await?;
        Ok(last.first().and_then(|(key, _)| keys::last_part::<u64>(key)).map_or(0, |number| number + 1))
    }

    /// What a run adds to its session.
    pub(super) async fn session_ops(&self, session: &SessionPlace, remembered: &Remembered) -> Result<Vec<Op>, JournalError> {
        let Remembered { messages, read, summary, uncovered } = remembered;
        let first = self.next_message(session).await?;
        let mut ops: Vec<_> = (first..)
            .zip(messages)
            .map(|(number, message)| Op::Put {
                key: keys::message(session, number),
                value: record::encode(message),
                ttl: self.retention,
            })
            .collect();
        if !read.is_empty() {
            ops.push(Op::Put { key: keys::read(session), value: record::encode(read), ttl: self.retention });
        }
        if let Some(text) = summary {
            let all = first + messages.len() as u64;
            let covers = all.saturating_sub(*uncovered as u64);
            let value = record::encode(&StoredSummary { text: text.clone(), covers });
            ops.push(Op::Put { key: keys::summary(session), value, ttl: self.retention });
        }
        Ok(ops)
    }
}

/// What was forgotten may have taken a request with it whose answer is still there; models refuse such an answer.
fn whole_turns(messages: Vec<Message>, behind_summary: bool) -> Vec<Message> {
    let may_begin = |message: &Message| match message {
        Message::User { .. } => true,
        Message::Assistant { .. } => behind_summary,
        Message::Tool { .. } => false,
    };
    messages.into_iter().skip_while(|message| !may_begin(message)).collect()
}
