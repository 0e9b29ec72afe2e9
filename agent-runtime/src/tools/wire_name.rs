//! The names of tools as models and MCP clients take them: letters, digits, `-` and `_`, at most 64 of them. `ledger/find_rows` is
//! `ledger__find_rows` there.

use std::borrow::Cow;

use skreaver_policy::digest;

/// The longest name that every provider takes.
const LONGEST: usize = 64;
/// The digits that tell two names apart which would be written alike.
const DIGITS: usize = 8;

/// A tool's name as models write it. Names without a source are as they are.
pub(crate) fn wire_name(name: &str) -> Cow<'_, str> {
    let Some((source, tool)) = name.split_once('/') else { return Cow::Borrowed(name) };
    let written = format!("{source}__{}", tool.replace('.', "_"));
    if written.len() <= LONGEST && !tool.contains('.') {
        return Cow::Owned(written);
    }
    let digits = digest(&name.into());
    let end = written.len().min(LONGEST - DIGITS - 1);
    Cow::Owned(format!("{}_{}", &written[..end], &digits[..DIGITS]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sources_are_written_as_every_provider_takes_them() {
        assert_eq!(wire_name("uppercase"), "uppercase");
        assert_eq!(wire_name("ledger/find_rows"), "ledger__find_rows");
        assert_ne!(wire_name("ledger/a.b"), wire_name("ledger/a_b"));
        let (one, other) = (format!("ledger/{}1", "x".repeat(80)), format!("ledger/{}2", "x".repeat(80)));
        assert_ne!(wire_name(&one), wire_name(&other));
        for name in ["ledger/a.b", &one] {
            let written = wire_name(name);
            assert!(written.len() <= LONGEST && written.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_')));
        }
    }
}
