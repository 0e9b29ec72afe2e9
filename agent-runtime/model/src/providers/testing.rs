//! What providers answer, read without a network: for tests from outside that have many answers to read.

use skreaver_protocol::config::Provider;

use super::failure::Failure;
use super::provider::wire;
use super::sse::Decoder;
use crate::answer::Answer;

/// Reads an answer that came whole.
///
/// # Errors
/// What is wrong with it, as the log has it.
pub fn whole(provider: Provider, body: &[u8]) -> Result<Answer, String> {
    wire(provider).whole(body).map_err(told)
}

/// Reads an answer that came as events, in these chunks; nothing where they end before it does. The second is its text as it was
/// told piece by piece.
///
/// # Errors
/// What is wrong with it, as the log has it.
pub fn streamed<'c>(
    provider: Provider,
    chunks: impl IntoIterator<Item = &'c [u8]>,
    longest: usize,
) -> Result<Option<(Answer, String)>, String> {
    let (mut assembler, mut decoder, mut told_text) = (wire(provider).assembler(), Decoder::new(longest), String::new());
    for chunk in chunks {
        let event = |data: &str| assembler.event(data, &mut |piece| told_text.push_str(piece));
        if decoder.feed(chunk, event).map_err(told)? {
            return Ok(Some((assembler.answer(), told_text)));
        }
    }
    Ok(None)
}

fn told(failure: Failure) -> String {
    format!("{}: {}", failure.kind.name(), failure.what)
}
