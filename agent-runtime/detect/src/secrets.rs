//! Secrets in text: found, named and taken out.

mod assignment;
mod check;
mod find;
mod pattern;
mod row;
mod table;
mod words;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use find::{Attempt, Form, Kind};
use row::Row;

use crate::anchors::{Anchors, Hit};
use crate::{Confidence, replace};

/// Finds secrets of every kind in the table. It is made once and shared: [`Secrets::all`].
#[derive(Debug)]
pub struct Secrets {
    kinds: Vec<Kind>,
    anchors: Anchors,
}

/// A secret that stands in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// What it is. Example: `github-pat`. All are listed by [`Secrets::kinds`].
    pub kind: &'static str,
    /// Where it stands, in bytes; both ends are on character boundaries.
    pub range: Range<usize>,
    /// How sure that is.
    pub confidence: Confidence,
}

impl Secrets {
    /// The one finder of all kinds.
    pub fn all() -> &'static Self {
        static ALL: OnceLock<Secrets> = OnceLock::new();
        ALL.get_or_init(|| Self::of(table::rows()))
    }

    fn of(rows: impl Iterator<Item = &'static Row> + Clone) -> Self {
        let anchors = rows
            .clone()
            .enumerate()
            .flat_map(|(owner, row)| row.spellings().into_iter().map(move |text| (text, row.any_case(), owner)));
        let anchors = Anchors::new(anchors);
        let kinds = rows.map(|row| Kind::new(row).expect("every row of the table is read in a test")).collect();
        Self { kinds, anchors }
    }

    /// The name of every kind, and how sure a finding of it is.
    pub fn kinds(&self) -> impl Iterator<Item = (&'static str, Confidence)> {
        self.kinds.iter().map(|kind| (kind.name, kind.confidence()))
    }

    /// Every secret in the text, in order and without overlaps.
    ///
    /// ```
    /// let text = "curl -u admin: https://deploy:Tr0ub4dor-3@ci.internal/job";
    /// let found = skreaver_detect::Secrets::all().find(text);
    /// assert_eq!((found[0].kind, &text[found[0].range.clone()]), ("url-password", "Tr0ub4dor-3"));
    /// ```
    pub fn find(&self, text: &str) -> Vec<Secret> {
        let mut found = Vec::new();
        let mut read_until = Vec::new();
        self.anchors.scan(text.as_bytes(), |hit| {
            if read_until.is_empty() {
                read_until.resize(self.kinds.len(), 0);
            }
            found.extend(self.attempt(text, hit, &mut read_until[hit.owner]));
        });
        without_overlaps(found)
    }

    /// What its kind makes of an anchor. What it has read before is not read again: so the time is linear in the text.
    fn attempt(&self, text: &str, hit: Hit, read_until: &mut usize) -> Option<Secret> {
        if hit.at < *read_until {
            return None;
        }
        let kind = &self.kinds[hit.owner];
        let Attempt { read_until: read, secret } = kind.attempt(text, hit);
        *read_until = read.max(*read_until);
        secret.map(|range| Secret { kind: kind.name, range, confidence: kind.confidence() })
    }

    /// Every secret in a text that stands under a name, as a string does in JSON: a password says nothing by itself.
    ///
    /// ```
    /// let secrets = skreaver_detect::Secrets::all();
    /// assert_eq!(secrets.find("correct7horse"), []);
    /// assert_eq!(secrets.find_named("dbPassword", "correct7horse")[0].kind, "generic-password");
    /// ```
    pub fn find_named(&self, name: &str, text: &str) -> Vec<Secret> {
        let mut found = self.find(text);
        let mut hits = Vec::new();
        let name = format!("{name}=\"");
        self.anchors.scan(name.as_bytes(), |hit| hits.push(hit));
        let assignment = if hits.is_empty() { String::new() } else { format!("{name}{text}\"") };
        for hit in hits {
            let kind = &self.kinds[hit.owner];
            // A name may go on so that it holds something about a secret: that is judged as it is in text.
            let about =
                matches!(kind.form, Form::Assigned) && assignment::value(assignment.as_bytes(), hit.at..hit.end).is_none();
            if let Some(range) = kind.named(text).filter(|_| !about) {
                found.push(Secret { kind: kind.name, range, confidence: kind.confidence() });
            }
        }
        without_overlaps(found)
    }

    /// The text with `[redacted:KIND]` in the place of every secret.
    ///
    /// ```
    /// let text = "password: correct7horse, said she";
    /// assert_eq!(skreaver_detect::Secrets::all().redact(text), "password: [redacted:generic-password], said she");
    /// ```
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        redacted(text, &self.find(text))
    }

    /// How much of the beginning of a text may be let out while more of it is still to come: nothing that follows can make it
    /// part of a secret. That is up to the line that has not ended, or up to a private key that has not, unless that is longer
    /// than 64 KiB. Lines are the caller's to bound.
    ///
    /// ```
    /// let secrets = skreaver_detect::Secrets::all();
    /// let (mut held, mut out) = (String::new(), String::new());
    /// for chunk in ["first\npass", "word=correct7", "horse\n"] {
    ///     held.push_str(chunk);
    ///     let settled = secrets.settled(&held);
    ///     out.push_str(&secrets.redact(&held[..settled]));
    ///     held.drain(..settled);
    /// }
    /// out.push_str(&secrets.redact(&held));
    /// assert_eq!(out, "first\npassword=[redacted:generic-password]\n");
    /// ```
    pub fn settled(&self, text: &str) -> usize {
        let whole = &text[..text.rfind('\n').map_or(0, |at| at + 1)];
        let mut settled = whole.len();
        self.anchors.scan(whole.as_bytes(), |hit| {
            let kind = &self.kinds[hit.owner];
            // What has only begun may not be long enough yet to be one, and what never ends is not waited for.
            let (begun, endless) = (whole.len() - hit.end < BEGUN, whole.len() - hit.end > ENDLESS);
            if kind.spans_lines() && !endless && (begun || kind.attempt(whole, hit).read_until >= whole.len()) {
                settled = settled.min(text[..hit.at].rfind('\n').map_or(0, |at| at + 1));
            }
        });
        settled
    }
}

/// So much of a private key may be its beginning only, which says nothing yet.
const BEGUN: usize = 256;
/// What is longer is no private key.
const ENDLESS: usize = 64 * 1024;

pub(crate) fn redacted<'t>(text: &'t str, found: &[Secret]) -> Cow<'t, str> {
    replace(text, found.iter().map(|secret| (secret.range.clone(), format!("[redacted:{}]", secret.kind))))
}

/// Findings that touch the same bytes become one, of the surest kind among them.
fn without_overlaps(mut found: Vec<Secret>) -> Vec<Secret> {
    found.sort_by(|a, b| {
        a.range.start.cmp(&b.range.start).then(b.confidence.cmp(&a.confidence)).then(b.range.end.cmp(&a.range.end))
    });
    let mut apart: Vec<Secret> = Vec::with_capacity(found.len());
    for secret in found {
        match apart.last_mut().filter(|last| secret.range.start < last.range.end) {
            Some(last) => {
                let end = last.range.end.max(secret.range.end);
                if secret.confidence > last.confidence {
                    (last.kind, last.confidence) = (secret.kind, secret.confidence);
                }
                last.range.end = end;
            }
            None => apart.push(secret),
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::pattern::STEPS;
    use super::*;

    #[test]
    fn every_row_of_the_table_can_be_read() {
        for row in table::rows() {
            assert!(Kind::new(row).is_ok(), "{}: {:?}", row.name, Kind::new(row).err());
            assert!(row.anchors.iter().all(|anchor| anchor.is_ascii() && anchor.len() >= 3), "{}", row.name);
        }
    }

    /// How many bytes the patterns look at for each byte of an anchor's text that goes on and on.
    fn steps(anchor: &str, repeats: usize) -> usize {
        let before = STEPS.get();
        Secrets::all().find(&anchor.repeat(repeats));
        (STEPS.get() - before) / (anchor.len() * repeats)
    }

    #[test]
    fn the_work_is_linear_in_text_made_of_anchors() {
        for (index, anchor) in table::rows().flat_map(Row::spellings).enumerate() {
            let hostile = anchor.clone() + ["", "a", "=a1 "][index % 3];
            let (short, long) = (steps(&hostile, 10), steps(&hostile, 300));
            assert!(long <= short + 128, "{hostile:?}: {short} steps for each byte, and {long} when it is longer");
        }
    }
}
