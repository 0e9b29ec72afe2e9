//! What providers answer. A stream says the same however it is cut into pieces.

use skreaver_model::testing::{streamed, whole};
use skreaver_protocol::config::Provider;

use crate::Came;

const LONGEST: usize = 16 << 10;

pub(super) fn openai_answer(bytes: &[u8]) -> Came {
    answer(Provider::OpenAI, bytes)
}

pub(super) fn anthropic_answer(bytes: &[u8]) -> Came {
    answer(Provider::Anthropic, bytes)
}

pub(super) fn openai_stream(bytes: &[u8]) -> Came {
    stream(Provider::OpenAI, bytes)
}

pub(super) fn anthropic_stream(bytes: &[u8]) -> Came {
    stream(Provider::Anthropic, bytes)
}

/// An answer is one, or it is said what is wrong with it, in words that are not its own.
fn answer(provider: Provider, bytes: &[u8]) -> Came {
    let read = whole(provider, bytes);
    assert_eq!(read, whole(provider, bytes));
    if let Ok(answer) = &read {
        let written = serde_json::to_vec(answer).expect("an answer is JSON");
        assert_eq!(&serde_json::from_slice::<skreaver_model::Answer>(&written).expect("it was written"), answer);
    }
    Came::to(&read.map(|answer| (answer.text.is_empty(), answer.tool_requests.len(), answer.stop, answer.tokens.input > 0)))
}

fn stream(provider: Provider, bytes: &[u8]) -> Came {
    let at_once = streamed(provider, [bytes], LONGEST);
    let by_bytes = streamed(provider, bytes.chunks(1), LONGEST);
    let by_sevens = streamed(provider, bytes.chunks(7), LONGEST);
    assert_eq!(at_once, by_sevens, "pieces of seven bytes say something else");
    assert_eq!(at_once, by_bytes, "pieces of one byte say something else");
    if let Ok(Some((answer, told))) = &at_once {
        assert_eq!(&answer.text, told, "what was told piece by piece is not what it came to");
    }
    Came::to(&at_once.map(|ended| ended.map(|(answer, told)| (told.is_empty(), answer.tool_requests.len(), answer.stop))))
}
