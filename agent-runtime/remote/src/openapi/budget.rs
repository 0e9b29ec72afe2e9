//! What the schemas of a document may unfold to: a reference is short, and what it means may be long and come often.

/// The most values that the schemas of one document unfold to: references may double at each level.
const MOST_VALUES: usize = 100_000;
/// The most of them for one operation.
const MOST_OF_ONE: usize = 10_000;
/// The most bytes of names and texts in the schemas of one document.
const MOST_TEXT: usize = 16 << 20;
/// The most of them for one operation.
const MOST_TEXT_OF_ONE: usize = 512 << 10;
/// The most regular expressions of one document: each is compiled, and is larger then.
const MOST_PATTERNS: usize = 1000;

/// What is left to spend, of the whole document and of the operation that is being read.
pub(super) struct Budget {
    values: usize,
    values_of_one: usize,
    text: usize,
    text_of_one: usize,
    patterns: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { values: MOST_VALUES, values_of_one: 0, text: MOST_TEXT, text_of_one: 0, patterns: MOST_PATTERNS }
    }

    /// Begins an operation, which has a budget of its own.
    pub(super) fn begin(&mut self) {
        (self.values_of_one, self.text_of_one) = (MOST_OF_ONE, MOST_TEXT_OF_ONE);
    }

    pub(super) fn value(&mut self) -> Result<(), String> {
        match (self.values.checked_sub(1), self.values_of_one.checked_sub(1)) {
            (Some(values), Some(values_of_one)) => {
                (self.values, self.values_of_one) = (values, values_of_one);
                Ok(())
            }
            _ => Err(format!("its schemas unfold to more than {MOST_OF_ONE} values, or those of the document to {MOST_VALUES}")),
        }
    }

    pub(super) fn text(&mut self, text: &str) -> Result<(), String> {
        match (self.text.checked_sub(text.len()), self.text_of_one.checked_sub(text.len())) {
            (Some(text), Some(text_of_one)) => {
                (self.text, self.text_of_one) = (text, text_of_one);
                Ok(())
            }
            _ => Err(format!(
                "its schemas unfold to more than {MOST_TEXT_OF_ONE} bytes of text, or those of the document to {MOST_TEXT}"
            )),
        }
    }

    pub(super) fn pattern(&mut self) -> Result<(), String> {
        let left = self.patterns.checked_sub(1);
        self.patterns =
            left.ok_or_else(|| format!("the schemas of the document unfold to more than {MOST_PATTERNS} patterns"))?;
        Ok(())
    }
}
