//! Models behind one small trait: [`Model::ask`] takes a conversation to an [`Answer`] or to a [`ModelError`].
//!
//! A provider's wire format, retries, keys and timeouts are behind the trait; which model is asked next when one fails is not:
//! the coordinator decides that. With the feature `providers` the function `model` makes the model that a configuration names;
//! without it there is the trait alone.

mod answer;
mod error;
#[cfg(feature = "providers")]
mod providers;

use async_trait::async_trait;

pub use answer::{Answer, Question, StopReason, ToolSpec};
pub use error::{ModelError, ModelErrorKind};
#[cfg(feature = "testing")]
pub use providers::testing;
#[cfg(feature = "providers")]
pub use providers::{ClientError, ConfigError, Key, Proxies, default_base_url, http_client, model};

/// Where the pieces of an answer go while it is being made. Called in order; must not block.
pub type Deltas<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Something that answers.
#[async_trait]
pub trait Model: Send + Sync {
    /// Asks. With `deltas` the answer is streamed, and its text is told piece by piece besides being returned whole.
    ///
    /// # Errors
    /// [`ModelError`], after the retries that the model's configuration allows.
    async fn ask(&self, question: &Question, deltas: Option<Deltas<'_>>) -> Result<Answer, ModelError>;
}
