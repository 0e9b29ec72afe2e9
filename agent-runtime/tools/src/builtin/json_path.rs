//! JSONPath (RFC 9535) within bounds. `serde_json_path` keeps to the RFC and adds nothing, where its rival has exceptions and
//! extensions; what it lacks, and stands here, is a bound on how deep a path nests.

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::ToolError;
use crate::nesting::bytes;

/// The longest path, in bytes.
const LONGEST: usize = 1024;
/// The most brackets and parentheses within each other.
const MOST_NESTED: usize = 16;
/// The most bytes that are found: a path may name each part many times.
const MOST_FOUND: usize = 4 << 20;

/// A path that was understood.
pub(super) struct Path {
    path: JsonPath,
    is_singular: bool,
}

impl Path {
    pub(super) fn parse(text: &str) -> Result<Self, ToolError> {
        let refused = |why: &str| ToolError::InvalidArguments(format!("the path `{}` {why}", text.escape_debug()));
        if text.len() > LONGEST {
            return Err(ToolError::InvalidArguments(format!("the path has more than {LONGEST} bytes")));
        }
        let shape = Shape::of(text);
        if shape.deepest > MOST_NESTED {
            return Err(refused(&format!("nests deeper than {MOST_NESTED} brackets")));
        }
        let path = JsonPath::parse(text).map_err(|error| refused(&format!("is no JSONPath: {error}")))?;
        Ok(Self { path, is_singular: shape.is_singular })
    }

    /// Whether it names one part at most, whatever the document: names and places alone.
    pub(super) fn is_singular(&self) -> bool {
        self.is_singular
    }

    /// All that it names, in the order of the document.
    pub(super) fn find<'a>(&self, document: &'a Value) -> Result<Vec<&'a Value>, ToolError> {
        let found = self.path.query(document).all();
        let mut size = 0;
        for value in &found {
            size += bytes(value);
            if size > MOST_FOUND {
                let most = MOST_FOUND >> 20;
                return Err(ToolError::Failed(format!("the path finds more than {most} MiB; ask for less")));
            }
        }
        Ok(found)
    }
}

/// What a path looks like, outside of its quotes.
struct Shape {
    deepest: usize,
    is_singular: bool,
    /// Where it ends: at the first white space that stands in no brackets.
    end: usize,
}

impl Shape {
    fn of(text: &str) -> Self {
        let (mut depth, mut deepest, mut quote, mut escaped, mut before) = (0_usize, 0, None, false, ' ');
        let (mut is_singular, mut end) = (true, None);
        for (place, c) in text.char_indices() {
            match quote {
                Some(_) if escaped => escaped = false,
                Some(_) if c == '\\' => escaped = true,
                Some(mark) if c == mark => quote = None,
                Some(_) => {}
                None if matches!(c, '\'' | '"') => quote = Some(c),
                None => {
                    match c {
                        '[' | '(' => depth += 1,
                        ']' | ')' => depth = depth.saturating_sub(1),
                        _ if c.is_whitespace() && depth == 0 => end = end.or(Some(place)),
                        _ => {}
                    }
                    is_singular &= !matches!(c, '*' | '?' | ',' | ':') && (c, before) != ('.', '.');
                    deepest = deepest.max(depth);
                }
            }
            before = c;
        }
        Self { deepest, is_singular, end: end.unwrap_or(text.len()) }
    }
}

/// A path and what follows it.
pub(super) fn path_first(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let (path, rest) = text.split_at(Shape::of(text).end);
    (path, rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_ends_at_the_first_space_outside_of_brackets() {
        for (text, path, rest) in [
            ("$.a {}", "$.a", "{}"),
            ("$[?@.a == 'x ] y'].b  [1, 2]", "$[?@.a == 'x ] y'].b", "[1, 2]"),
            (r#"$["it's \" here"] 1"#, r#"$["it's \" here"]"#, "1"),
            ("  $", "$", ""),
        ] {
            assert_eq!(path_first(text), (path, rest));
        }
    }

    #[test]
    fn names_and_places_alone_are_singular() {
        for path in ["$", "$.a.b", "$['a.*'][0]", "$[-1].a"] {
            assert!(Path::parse(path).unwrap().is_singular(), "{path}");
        }
        for path in ["$.*", "$..a", "$[0,1]", "$[0:2]", "$[?@.a]"] {
            assert!(!Path::parse(path).unwrap().is_singular(), "{path}");
        }
    }

    #[test]
    fn a_path_is_bounded() {
        let deep = format!("$[?{}@.a{}]", "(".repeat(500), ")".repeat(500));
        let long = format!("${}", ".a".repeat(600));
        for path in ["", "a", "$.", "$[", "$..", deep.as_str(), long.as_str()] {
            assert!(matches!(Path::parse(path), Err(ToolError::InvalidArguments(_))), "{path}");
        }
    }
}
