//! Finds in text what should not leave, and what should not come in. Pure: text goes in, findings come out, and what happens then
//! is for the caller to decide.
//!
//! [`Secrets`] finds tokens, keys and passwords, and takes them out:
//!
//! ```
//! use skreaver_detect::Secrets;
//!
//! let text = "GITHUB_TOKEN=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 make release";
//! assert_eq!(Secrets::all().redact(text), "GITHUB_TOKEN=[redacted:github-pat] make release");
//! ```
//!
//! [`Content`] finds what looks like an attack on whoever reads the text: a shell, a template engine, a terminal, a person, a model:
//!
//! ```
//! use skreaver_detect::{Class, Content};
//!
//! let content = Content::new();
//! assert_eq!(content.find("report.txt; rm -rf /")[0].class, Class::Command);
//! assert_eq!(content.find("see ?q=a&b=c, by Tom & Jerry"), []);
//! assert_eq!(content.strip("all \u{1b}[31mred\u{1b}[0m"), "all red");
//! ```
//!
//! Both walk JSON ([`Secrets::find_in`], [`Content::find_in`]), where a key tells what the value under it is:
//!
//! ```
//! let mut value = serde_json::json!({ "db": { "password": "correct7horse" } });
//! let found = skreaver_detect::Secrets::all().find_in(&value);
//! assert_eq!((found[0].pointer.as_str(), found[0].finding.kind), ("/db/password", "generic-password"));
//! skreaver_detect::Secrets::all().redact_value(&mut value);
//! assert_eq!(value, serde_json::json!({ "db": { "password": "[redacted:generic-password]" } }));
//! ```
//!
//! [`escape_for_log`] makes one harmless line of anything.
//!
//! All of it takes time linear in the text, whatever the text is. A finding is a hint and not a proof, and its absence is none
//! either: `docs/detectors.md` has the figures.

mod anchors;
mod content;
mod escape;
mod json;
mod secrets;

use std::borrow::Cow;
use std::ops::Range;

pub use content::{Class, Content, Finding};
pub use escape::escape_for_log;
pub use json::Located;
pub use secrets::{Secret, Secrets};

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// It looks like one.
    Low,
    /// Something beside it says that it is one.
    Medium,
    /// Its own form says that it is one.
    High,
}

/// The text with other text in the place of some ranges, which are in order and do not overlap.
fn replace(text: &str, ranges: impl Iterator<Item = (Range<usize>, String)>) -> Cow<'_, str> {
    let (mut out, mut done) = (String::new(), 0);
    for (range, instead) in ranges {
        out.push_str(text.get(done..range.start).unwrap_or_default());
        out.push_str(&instead);
        done = range.end;
    }
    match done {
        0 => Cow::Borrowed(text),
        _ => {
            out.push_str(text.get(done..).unwrap_or_default());
            Cow::Owned(out)
        }
    }
}
