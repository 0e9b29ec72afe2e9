//! One commit: a transaction of SQL.

use sqlx::{Connection, SqliteConnection};

use super::database::Writer;
use super::{clock, end};
use crate::ordered::Deadline;
use crate::transaction::prefix_end;
use crate::{Check, Keep, Op, Transaction, Verdict};

/// Writes all of it, synced if it has to survive the machine.
pub(super) async fn write(
    writer: &mut Writer,
    namespace: i64,
    transactions: &[Transaction],
    keep: Keep,
) -> Result<Vec<Verdict>, sqlx::Error> {
    writer.set_synchronous(keep == Keep::Durable).await?;
    if let [Transaction { checks, ops }] = transactions
        && let ([], [op]) = (&checks[..], &ops[..])
    {
        // One statement is a transaction of its own.
        apply(&mut writer.connection, namespace, op).await?;
        return Ok(vec![Verdict::Written]);
    }
    let mut whole = writer.connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut verdicts = Vec::with_capacity(transactions.len());
    for Transaction { checks, ops } in transactions {
        let verdict = judge(&mut whole, namespace, checks).await?;
        if verdict == Verdict::Written {
            for op in ops {
                apply(&mut whole, namespace, op).await?;
            }
        }
        verdicts.push(verdict);
    }
    whole.commit().await?;
    Ok(verdicts)
}

async fn judge(connection: &mut SqliteConnection, namespace: i64, checks: &[Check]) -> Result<Verdict, sqlx::Error> {
    for (place, check) in checks.iter().enumerate() {
        let holds = match check {
            Check::Absent { key } => {
                let there = "SELECT 1 FROM memory WHERE namespace = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?3)";
                let there = sqlx::query(there).bind(namespace).bind(key.as_str().as_bytes()).bind(clock());
                there.fetch_optional(&mut *connection).await?.is_none()
            }
            Check::Equals { key, value } => {
                let same = "SELECT 1 FROM memory WHERE namespace = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?3) \
                            AND value = ?4";
                let same = sqlx::query(same).bind(namespace).bind(key.as_str().as_bytes()).bind(clock());
                same.bind(value.as_ref()).fetch_optional(&mut *connection).await?.is_some()
            }
        };
        if !holds {
            return Ok(Verdict::Refused { check: place });
        }
    }
    Ok(Verdict::Written)
}

async fn apply(connection: &mut SqliteConnection, namespace: i64, op: &Op) -> Result<(), sqlx::Error> {
    let statement = match op {
        Op::Put { key, value, ttl } => {
            let put = "INSERT INTO memory (namespace, key, value, expires_at) VALUES (?1, ?2, ?3, ?4) \
                       ON CONFLICT DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at";
            let deadline = ttl.and_then(Deadline::after).map(|deadline| deadline.millis() as i64);
            sqlx::query(put).bind(namespace).bind(key.as_str().as_bytes()).bind(value.as_ref()).bind(deadline)
        }
        Op::Delete { key } => {
            let delete = "DELETE FROM memory WHERE namespace = ?1 AND key = ?2";
            sqlx::query(delete).bind(namespace).bind(key.as_str().as_bytes())
        }
        Op::DeleteAll { prefix } => {
            let delete = "DELETE FROM memory WHERE namespace = ?1 AND key >= ?2 AND key < ?3";
            sqlx::query(delete).bind(namespace).bind(prefix.as_bytes()).bind(end(prefix_end(prefix)))
        }
    };
    statement.execute(connection).await?;
    Ok(())
}
