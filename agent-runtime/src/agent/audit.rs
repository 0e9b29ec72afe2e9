//! The records of the audit that are in an agent's memory, for those who ask.

use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, TryStreamExt, stream};
use skreaver_memory::Key;

use super::{Failure, ServedAgent};
use crate::runs::Kept;

/// Where the reading of a log stands.
enum Reading {
    Behind(Option<Key>),
    Over,
}

impl ServedAgent {
    /// The records that a policy with the sink `Journal` asked for: lines of JSON, chain by chain, the oldest first.
    ///
    /// # Errors
    /// [`Failure`], where the agent has no memory or that does not answer; also in the middle of the stream.
    pub async fn audit(&self) -> Result<impl Stream<Item = Result<Bytes, Failure>> + Send + use<>, Failure> {
        let kept = self.kept_for("records of decisions")?;
        let (first, next) = page(&kept, None).await?;
        let rest = stream::try_unfold(next, move |reading| {
            let kept = Arc::clone(&kept);
            async move {
                match reading {
                    Reading::Over => Ok(None),
                    Reading::Behind(key) => page(&kept, key).await.map(Some),
                }
            }
        });
        let first = stream::iter([Ok(first)]);
        Ok(futures::StreamExt::chain(first, rest).map_ok(|lines| lines.concat().into()))
    }
}

async fn page(kept: &Kept, behind: Option<Key>) -> Result<(Vec<Bytes>, Reading), Failure> {
    let (lines, next) = kept.audit(behind).await.map_err(|error| error.failure())?;
    let next = next.map_or(Reading::Over, |key| Reading::Behind(Some(key)));
    Ok((lines, next))
}
