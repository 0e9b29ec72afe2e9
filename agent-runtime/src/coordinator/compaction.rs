//! Long conversations: their beginning is summed up by the model and from then on stands as a summary.

use skreaver_protocol::message::Message;

use super::budget::context_tokens;
use super::{State, Thinking};

/// How many messages, from the first on, are to be summed up; nothing where the conversation is short enough, or where what
/// has to stay is all there is.
pub(super) fn due(thinking: &Thinking, state: &State) -> Option<usize> {
    let compaction = thinking.compaction.as_ref()?;
    if context_tokens(thinking, state) <= compaction.token_threshold {
        return None;
    }
    let keep = usize::try_from(compaction.keep_last).unwrap_or(usize::MAX);
    let last = state.messages().len().checked_sub(keep.max(1))?;
    let end = cut(state.messages(), state.covered(), last, |message| matches!(message, Message::User { .. }));
    // Inside of a long turn there is no such place. What a tool answered stays with the request for it.
    end.or_else(|| cut(state.messages(), state.covered(), last, |message| !matches!(message, Message::Tool { .. })))
}

/// The last place between `from` and `last` behind which a message of this kind comes.
fn cut(messages: &[Message], from: usize, last: usize, is_good: fn(&Message) -> bool) -> Option<usize> {
    (from + 1..=last).rev().find(|end| messages.get(*end).is_some_and(is_good))
}
