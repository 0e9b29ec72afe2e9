//! Server-sent events, decoded from chunks as they come: only the data, because both wire formats repeat an event's name in it.

use std::str;

use crate::error::ModelErrorKind;
use crate::providers::failure::Failure;
use crate::providers::http::too_large;

/// The decoder of one stream.
pub(crate) struct Decoder {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// The data of the event that has not ended yet.
    data: Vec<u8>,
    /// Whether the last line ended in a carriage return, which a newline may complete.
    after_return: bool,
    longest: usize,
}

impl Decoder {
    /// A decoder of events of at most `longest` bytes.
    pub(crate) fn new(longest: usize) -> Self {
        Self { line: Vec::new(), data: Vec::new(), after_return: false, longest }
    }

    /// Takes a chunk, and hands on the data of each event that it completes until `each` says that it was the last one.
    pub(crate) fn feed(
        &mut self,
        mut chunk: &[u8],
        mut each: impl FnMut(&str) -> Result<bool, Failure>,
    ) -> Result<bool, Failure> {
        if chunk.is_empty() {
            return Ok(false);
        }
        if std::mem::take(&mut self.after_return) && chunk[0] == b'\n' {
            chunk = &chunk[1..];
        }
        while let Some(end) = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.line.extend_from_slice(&chunk[..end]);
            self.after_return = chunk[end] == b'\r';
            chunk = &chunk[end + 1..];
            if self.after_return && chunk.first() == Some(&b'\n') {
                chunk = &chunk[1..];
                self.after_return = false;
            }
            if self.end_line(&mut each)? {
                return Ok(true);
            }
        }
        if !chunk.is_empty() {
            self.after_return = false;
        }
        self.line.extend_from_slice(chunk);
        if self.line.len() + self.data.len() > self.longest { Err(too_large(self.longest)) } else { Ok(false) }
    }

    fn end_line(&mut self, each: &mut impl FnMut(&str) -> Result<bool, Failure>) -> Result<bool, Failure> {
        if let Some(value) = self.line.strip_prefix(b"data:") {
            if !self.data.is_empty() {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        }
        let ends_event = self.line.is_empty();
        self.line.clear();
        if self.data.len() > self.longest {
            return Err(too_large(self.longest));
        }
        if !ends_event || self.data.is_empty() {
            return Ok(false);
        }
        let data = str::from_utf8(&self.data).map_err(|_| {
            Failure::new(ModelErrorKind::Garbage, "the stream is not UTF-8; check that model.baseURL is a model's")
        })?;
        let last = each(data);
        self.data.clear();
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way to cut the stream in two gives the same events.
    fn check(stream: &str, expected: &[&str]) {
        for cut in 0..=stream.len() {
            let mut decoder = Decoder::new(64);
            let mut events = Vec::new();
            for chunk in [&stream.as_bytes()[..cut], &stream.as_bytes()[cut..]] {
                let ended = decoder.feed(chunk, |data| {
                    events.push(data.to_owned());
                    Ok(data == "[DONE]")
                });
                if ended.unwrap() {
                    break;
                }
            }
            assert_eq!(events, expected, "{stream:?} cut at {cut}");
        }
    }

    #[test]
    fn events_are_the_same_however_they_are_cut() {
        check("data: {}\n\n", &["{}"]);
        check("data:a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]);
        check("data: a\r\rdata: b\r\r", &["a", "b"]);
        check(": ping\n\nevent: x\ndata: a\ndata: ä\nid: 1\n\n\n", &["a\nä"]);
        check("data: a\n\ndata: [DONE]\n\ndata: late\n\n", &["a", "[DONE]"]);
        check("data: unfinished\n", &[]);
    }

    #[test]
    fn an_event_without_end_and_bytes_that_are_no_text_are_garbage() {
        let mut never = Decoder::new(64);
        let mut feed = |bytes: &[u8]| never.feed(bytes, |_| Ok(false));
        assert_eq!(feed(&[b'x'; 64]), Ok(false));
        assert_eq!(feed(b"x").unwrap_err().kind, ModelErrorKind::Garbage);
        let mut lines = Decoder::new(64);
        let outcome = lines.feed("data: 0123456789\n".repeat(7).as_bytes(), |_| Ok(false));
        assert_eq!(outcome.unwrap_err().kind, ModelErrorKind::Garbage);
        assert_eq!(Decoder::new(64).feed(b"data: \xff\n\n", |_| Ok(false)).unwrap_err().kind, ModelErrorKind::Garbage);
    }
}
