//! A memory that looks at what is written: what is written tells how far a run is.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use skreaver::memory::{Check, Durability, Entry, Keep, Key, Memory, MemoryError, Op, Scan, Transaction, Verdict};

use super::{Death, PAY, Point};

/// A memory whose process dies before or after a write.
pub(super) struct MortalMemory {
    pub(super) memory: Arc<dyn Memory>,
    /// How long leases hold, in the place of what is asked for.
    pub(super) lease: Option<Duration>,
    pub(super) death: Arc<Death>,
}

/// What the runtime writes, as far as it matters here.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Accepted,
    Claimed,
    /// An answer that asks for what can be done twice.
    Answered,
    /// An answer that asks for more, and with it the word that the call begins.
    Word,
    ToolAnswered,
    Ended,
}

impl Moment {
    /// The moment that a transaction is. Where keys lie and how entries look is told in `runs/keys.rs` and `runs/record.rs`.
    fn of(Transaction { checks, ops }: &Transaction) -> Option<Self> {
        if let ([Check::Absent { .. }], [Op::Put { key, .. }]) = (&checks[..], &ops[..])
            && key.as_str().starts_with("lease/")
        {
            return Some(Self::Claimed);
        }
        let ends = |op: &Op| matches!(op, Op::Delete { key } if key.as_str().starts_with("open/"));
        if ops.iter().any(ends) {
            return Some(Self::Ended);
        }
        let mut moment = None;
        for op in ops {
            let Op::Put { key, value, .. } = op else { continue };
            match key.as_str().split('/').next() {
                Some("open") => return Some(Self::Accepted),
                Some("record") => moment = moment.or(Self::of_event(&value[9..])),
                _ => {}
            }
        }
        moment
    }

    fn of_event(event: &[u8]) -> Option<Self> {
        let event: Value = serde_json::from_slice(event).ok()?;
        match event["event"].as_str()? {
            "answered" => {
                let mut requests = event["answer"]["tool_requests"].as_array().into_iter().flatten();
                Some(if requests.any(|request| request["tool"] == PAY) { Self::Word } else { Self::Answered })
            }
            "tool_ended" => Some(Self::ToolAnswered),
            _ => None,
        }
    }

    fn before(self) -> Option<Point> {
        match self {
            Self::Accepted => Some(Point::AcceptedBeforeWrite),
            Self::Claimed => None,
            Self::Answered => Some(Point::ModelAnsweredBeforeWrite),
            Self::Word => Some(Point::ToolDecided),
            Self::ToolAnswered => Some(Point::ToolAnsweredBeforeWrite),
            Self::Ended => Some(Point::EndBeforeWrite),
        }
    }

    fn after(self) -> Point {
        match self {
            Self::Accepted => Point::AcceptedAfterWrite,
            Self::Claimed => Point::Claimed,
            Self::Answered => Point::ModelAnsweredAfterWrite,
            Self::Word => Point::ToolWordWritten,
            Self::ToolAnswered => Point::ToolAnsweredAfterWrite,
            Self::Ended => Point::EndAfterWrite,
        }
    }
}

impl MortalMemory {
    fn shortened(&self, transactions: &[Transaction]) -> Vec<Transaction> {
        let shorten = |op: &Op| match (op, self.lease) {
            (Op::Put { key, value, ttl: Some(_) }, Some(lease)) if key.as_str().starts_with("lease/") => {
                Op::Put { key: key.clone(), value: value.clone(), ttl: Some(lease) }
            }
            _ => op.clone(),
        };
        let transaction = |Transaction { checks, ops }: &Transaction| Transaction {
            checks: checks.clone(),
            ops: ops.iter().map(shorten).collect(),
        };
        transactions.iter().map(transaction).collect()
    }
}

#[async_trait]
impl Memory for MortalMemory {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, MemoryError> {
        self.memory.get(key).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<Entry>, MemoryError> {
        self.memory.scan(scan).await
    }

    async fn commit(&self, transactions: &[Transaction], keep: Keep) -> Result<Vec<Verdict>, MemoryError> {
        let moments: Vec<_> = transactions.iter().map(Moment::of).collect();
        moments.iter().flatten().filter_map(|moment| moment.before()).for_each(|point| self.death.pass(point));
        let verdicts = self.memory.commit(&self.shortened(transactions), keep).await?;
        let written = moments.iter().zip(&verdicts).filter(|(_, verdict)| **verdict == Verdict::Written);
        written.filter_map(|(moment, _)| *moment).for_each(|moment| self.death.pass(moment.after()));
        Ok(verdicts)
    }

    async fn health(&self) -> Result<(), MemoryError> {
        self.memory.health().await
    }

    fn strongest(&self) -> Durability {
        self.memory.strongest()
    }

    fn is_shared(&self) -> bool {
        self.memory.is_shared()
    }
}
