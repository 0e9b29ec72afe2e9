//! Every kind of secret, one line each. To add one: a line in the file of its field, and a line with a sample in
//! `tests/suite/kinds/`, which a test asks for.
//!
//! `\a` is a letter or digit, `\w` that or `_`, `\x` a small hexadecimal digit, `\d` a digit, `\s` a space. Formats are those
//! that the vendors document, or issue.

mod ai;
mod cloud;
mod code;
mod generic;
mod infrastructure;
mod keys;
mod messaging;
mod payment;
mod services;

use super::row::Row;

/// All of them. Where two are equally sure, the earlier names the finding.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> + Clone {
    const FIELDS: [&[Row]; 9] = [
        keys::ROWS,
        cloud::ROWS,
        code::ROWS,
        ai::ROWS,
        payment::ROWS,
        messaging::ROWS,
        services::ROWS,
        infrastructure::ROWS,
        generic::ROWS,
    ];
    FIELDS.into_iter().flatten()
}
