//! Memory in a Redis server or Cluster. A commit is one script, which Redis runs whole and alone: one round trip.
//!
//! A namespace is three keys of one hash slot: a hash of the values, and two sorted sets, of the keys in the order of their
//! bytes and of those that expire. So a script names all that it touches, which is what a Cluster needs while it moves slots,
//! and entries with a time to live are not what Redis evicts under its `volatile-` policies.

mod address;
mod dial;
mod error;
mod link;
mod persistence;
mod script;

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redis::RedisError;
use secrecy::SecretString;
use tokio::time::timeout;

use crate::strength::Strength;
use crate::transaction::{KeyRange, prefix_end};
use crate::{Check, Durability, Entry, Keep, Key, Memory, MemoryError, Op, Order, Scan, Transaction, Verdict};
use address::Address;
use error::typed;
use link::{Link, Repeat};
use script::{COMMIT, GET, SCAN};

/// The version of what we keep, and the newest that is known.
const KNOWN: u32 = 1;
/// Longer times to live are for ever.
const AGES: Duration = Duration::from_secs(1000 * 365 * 86_400);
/// How long it may take to answer whether it is healthy.
const HEALTH: Duration = Duration::from_secs(3);
/// Behind every text: UTF-8 has no such byte.
const END: &[u8] = &[0xff];

/// Memory in a Redis server, in one that Sentinels watch, or in a Redis Cluster; version 7 or later.
///
/// Any number of processes may share it. A failover to a replica may lose what was acknowledged last: Redis replicates behind
/// its answers. Roots of trust for `rediss` are those of the system; `SSL_CERT_FILE` names others.
pub struct RedisMemory {
    link: Link,
    what: String,
    keys: Keys,
    strength: Strength,
}

/// The Redis keys of a namespace. What stands in braces chooses the hash slot.
struct Keys {
    values: String,
    keys: String,
    expiry: String,
    schema: String,
}

impl Keys {
    fn of(namespace: &Key) -> Self {
        let key = |kind: &str| format!("{{skreaver:{namespace}}}:{kind}");
        Self { values: key("values"), keys: key("keys"), expiry: key("expiry"), schema: key("schema") }
    }

    /// Those that scripts name.
    fn of_entries(&self) -> [&str; 3] {
        [&self.values, &self.keys, &self.expiry]
    }
}

impl RedisMemory {
    /// Opens a namespace.
    ///
    /// The URL is one of
    /// - `redis://user:password@host:6379/0`, a server;
    /// - `redis+sentinel://user:password@host:26379,host2:26379/service/0`, the one that Sentinels call the master of a
    ///   service; user and password are those of the servers;
    /// - `redis+cluster://user:password@host:6379,host2:6379`, a Cluster and some of its nodes,
    ///
    /// or the same with TLS, as `rediss://`, `rediss+sentinel://` and `rediss+cluster://`. The program installs a rustls
    /// provider first thing in its `main`.
    ///
    /// # Errors
    /// [`MemoryError`], within a few seconds: the server is not there, refuses us, has a newer schema ...
    pub async fn open(url: &SecretString, namespace: &str) -> Result<Self, MemoryError> {
        let keys = Keys::of(&Key::parse(namespace)?);
        let address = Address::parse(url)?;
        let what = address.what.clone();
        let link = Link::to(address);
        let in_words = |source| typed(&what, source);
        let found = bring_schema(&link, &keys.schema).await.map_err(in_words)?;
        if found > KNOWN {
            return Err(MemoryError::NewerSchema { what, found, known: KNOWN });
        }
        let strength = persistence::strength(&link).await.map_err(in_words)?;
        Ok(Self { link, what, keys, strength })
    }

    /// Whether the server keeps what this class promises.
    ///
    /// # Errors
    /// [`MemoryError::NotDurable`], which names the setting.
    pub fn require(&self, class: Durability) -> Result<(), MemoryError> {
        self.strength.require(&self.what, class)
    }

    fn typed(&self, source: RedisError) -> MemoryError {
        typed(&self.what, source)
    }
}

/// Makes the schema where there is none. Gives the version that is there.
async fn bring_schema(link: &Link, key: &str) -> Result<u32, RedisError> {
    if let Some(found) = link.ask(redis::cmd("GET").arg(key), Repeat::AfterLoss).await? {
        return Ok(found);
    }
    link.ask::<()>(redis::cmd("SETNX").arg(key).arg(KNOWN), Repeat::AfterLoss).await?;
    Ok(link.ask::<Option<u32>>(redis::cmd("GET").arg(key), Repeat::AfterLoss).await?.unwrap_or(KNOWN))
}

#[async_trait]
impl Memory for RedisMemory {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, MemoryError> {
        let args = [Cow::from(key.as_str().as_bytes())];
        let value: Option<Vec<u8>> =
            GET.run(&self.link, self.keys.of_entries(), &args, Repeat::AfterLoss).await.map_err(|error| self.typed(error))?;
        Ok(value.map(Bytes::from))
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<Entry>, MemoryError> {
        let Some(KeyRange { from, to }) = scan.range() else { return Ok(Vec::new()) };
        let order: &[u8] = match scan.order {
            Order::Ascending => b"ascending",
            Order::Descending => b"descending",
        };
        let limit = i64::try_from(scan.limit).unwrap_or(i64::MAX).to_string();
        let args = [order.into(), from.into_bytes().into(), end(to), limit.into_bytes().into()];
        let flat: Vec<Vec<u8>> =
            SCAN.run(&self.link, self.keys.of_entries(), &args, Repeat::AfterLoss).await.map_err(|error| self.typed(error))?;
        let mut parts = flat.into_iter();
        let mut entries = Vec::with_capacity(parts.len() / 2);
        while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
            entries.push((Key::parse(String::from_utf8_lossy(&key))?, value.into()));
        }
        Ok(entries)
    }

    async fn commit(&self, transactions: &[Transaction], _keep: Keep) -> Result<Vec<Verdict>, MemoryError> {
        // What a write survives is a setting of the server: it is the same for every class.
        transactions.iter().try_for_each(Transaction::fits)?;
        if transactions.is_empty() {
            return Ok(Vec::new());
        }
        let args = arguments(transactions);
        let refused: Vec<i64> =
            COMMIT.run(&self.link, self.keys.of_entries(), &args, Repeat::Never).await.map_err(|error| self.typed(error))?;
        Ok(refused
            .into_iter()
            .map(|check| usize::try_from(check).map_or(Verdict::Written, |check| Verdict::Refused { check }))
            .collect())
    }

    async fn health(&self) -> Result<(), MemoryError> {
        // Not PING: in a Cluster this asks the node that has the namespace.
        let mut get = redis::cmd("GET");
        let asked = timeout(HEALTH, self.link.ask::<Option<u32>>(get.arg(&self.keys.schema), Repeat::AfterLoss)).await;
        let answer = asked.map_err(|late| MemoryError::Unavailable { what: self.what.clone(), source: late.into() })?;
        answer.map(drop).map_err(|error| self.typed(error))
    }

    fn strongest(&self) -> Durability {
        self.strength.class()
    }

    fn is_shared(&self) -> bool {
        true
    }
}

/// Transactions as `commit.lua` reads them.
fn arguments(transactions: &[Transaction]) -> Vec<Cow<'_, [u8]>> {
    let number = |number: u128| Cow::from(number.to_string().into_bytes());
    let mut args = vec![number(transactions.len() as u128)];
    for Transaction { checks, ops } in transactions {
        args.extend([number(checks.len() as u128), number(ops.len() as u128)]);
        args.extend(checks.iter().flat_map(|check| match check {
            Check::Absent { key } => [text("absent"), text(key.as_str()), text("")],
            Check::Equals { key, value } => [text("equals"), text(key.as_str()), value.as_ref().into()],
        }));
        args.extend(ops.iter().flat_map(|op| match op {
            Op::Put { key, value, ttl } => {
                // Whole milliseconds, rounded up.
                let ttl = ttl.filter(|ttl| *ttl <= AGES).map(|ttl| number(ttl.as_nanos().div_ceil(1_000_000)));
                [text("put"), text(key.as_str()), value.as_ref().into(), ttl.unwrap_or_default()]
            }
            Op::Delete { key } => [text("delete"), text(key.as_str()), text(""), text("")],
            Op::DeleteAll { prefix } => [text("delete all"), text(prefix), end(prefix_end(prefix)), text("")],
        }));
    }
    args
}

fn text(text: &str) -> Cow<'_, [u8]> {
    text.as_bytes().into()
}

fn end(to: Option<String>) -> Cow<'static, [u8]> {
    to.map_or(END.into(), |to| to.into_bytes().into())
}
