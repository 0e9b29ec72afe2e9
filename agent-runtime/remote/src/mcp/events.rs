//! Streams of server-sent events, of which no event is larger than may be.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use skreaver_effects::EffectError;
use skreaver_effects::http::Body;
use sse_stream::{Error, Sse, SseStream};
use tokio::sync::Notify;

/// The events of an answer. `trouble` hears when it breaks off, and where `is_endless` also when it ends.
pub(super) fn events(body: Body, most: usize, trouble: Arc<Notify>, is_endless: bool) -> BoxStream<'static, Result<Sse, Error>> {
    SseStream::from_bytes_stream(chunks(body, most, trouble, is_endless)).boxed()
}

struct Reading {
    body: Body,
    size: Size,
    trouble: Arc<Notify>,
    is_endless: bool,
}

fn chunks(
    body: Body,
    most: usize,
    trouble: Arc<Notify>,
    is_endless: bool,
) -> impl Stream<Item = Result<Bytes, EffectError>> + Send {
    let reading = Reading { body, size: Size::new(most), trouble, is_endless };
    stream::unfold(Some(reading), async |reading| {
        let mut reading = reading?;
        match reading.body.chunk().await {
            Ok(Some(chunk)) if reading.size.take(&chunk) => Some((Ok(chunk), Some(reading))),
            Ok(Some(_)) => {
                let (what, limit) = ("an event of the server".into(), reading.size.most);
                Some((Err(EffectError::TooLarge { what, limit, instead: "ask for less" }), None))
            }
            Ok(None) => {
                if reading.is_endless {
                    reading.trouble.notify_one();
                }
                None
            }
            Err(error) => {
                reading.trouble.notify_one();
                Some((Err(error), None))
            }
        }
    })
}

/// Counts the bytes since the last empty line, which is where an event ends.
struct Size {
    most: usize,
    event: usize,
    line: usize,
}

impl Size {
    fn new(most: usize) -> Self {
        Self { most, event: 0, line: 0 }
    }

    /// Whether the event that goes on with this chunk still is small enough.
    fn take(&mut self, chunk: &[u8]) -> bool {
        for byte in chunk {
            match byte {
                b'\n' if self.line == 0 => self.event = 0,
                b'\n' => self.line = 0,
                // Part of the end of a line, wherever it matters.
                b'\r' => {}
                _ => self.line += 1,
            }
            self.event += 1;
            if self.event > self.most {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_events_pass_and_a_large_one_does_not() {
        let check = |most: usize, chunks: &[&str], expected: bool| {
            let mut size = Size::new(most);
            assert_eq!(chunks.iter().all(|chunk| size.take(chunk.as_bytes())), expected, "{most} {chunks:?}");
        };
        check(12, &["data: a\n\n"; 100], true);
        check(12, &["data: a\r\n", "\r\n"].repeat(100), true);
        check(12, &["data: ", "abcdefg"], false);
        check(12, &["data: a\n"; 2], false);
        check(12, &["\n"; 100], true);
    }
}
