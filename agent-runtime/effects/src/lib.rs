//! What tools do to the world: HTTP and files, judged where they happen.
//!
//! A policy permits a call by its name and arguments; what the call then touches is judged here, by [`Bounds`]: each host
//! before it is resolved, each address before it is dialled, again for each redirect, and each path beneath the handle of an
//! allowed directory. Whatever takes part in a call is bounded: its time, its bytes on the wire and after decompression, and
//! the calls of its agent at the same time.
//!
//! ```no_run
//! use skreaver_effects::{EffectError, Guard, files, http};
//! use skreaver_policy::bounds::{Bounds, Own};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = http::Client::new()?; // one for the process
//! let guard = Guard::new(client.clone()); // one for each agent
//! let bounds = Bounds::new(Own { folder: Some("/var/lib/amber".into()), ..Own::default() }, []); // of the permit
//! let page = http::get(&guard, &bounds, serde_json::from_str(r#"{"url": "https://example.com/"}"#)?).await?;
//! println!("{} {:?}", page.status, page.content);
//! let note = serde_json::from_str(r#"{"path": "notes/today.txt", "content": "basalt"}"#)?;
//! files::write(&guard, &bounds, note).await?;
//! match files::read(&guard, &bounds, serde_json::from_str(r#"{"path": "/etc/passwd"}"#)?).await {
//!     Err(EffectError::Refused(refusal)) => println!("{refusal}"), // names policy, section, entry and what is allowed
//!     other => println!("{other:?}"),
//! }
//! # Ok(()) }
//! ```

mod content;
mod error;
pub mod files;
mod gate;
mod guard;
pub mod http;

pub use content::{Content, Encoding};
pub use error::{EffectError, FileProblem};
pub use gate::{Gate, Pass};
pub use guard::Guard;

// What callers of this crate hold in their hands.
pub use skreaver_policy::bounds::Bounds;
