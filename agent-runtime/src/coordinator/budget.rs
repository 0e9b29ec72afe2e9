//! What a run may spend: set aside before each question, settled after its answer.

use skreaver_protocol::config::{BudgetConfig, Price};
use skreaver_protocol::message::{Message, Tokens};

use super::state::Spent;
use super::{Asked, ModelFacts, Reserved, State, Thinking};

/// Money, in millionths of a US dollar. What has no price costs nothing.
pub type Money = u64;

/// The longest answer that is asked for under a budget where the model's own bound is not given, in tokens: what has no bound
/// cannot be set aside.
pub(crate) const LONGEST_ANSWER: u32 = 4096;
/// Bytes of text for a token: fewer than the four that are common in English, so that estimates err to the dear side.
const BYTES_PER_TOKEN: u64 = 3;
/// Tokens that every message takes besides its text.
const MESSAGE_TOKENS: u64 = 8;

/// What tokens cost, rounded up.
pub(super) fn cost(price: Option<Price>, tokens: Tokens) -> Money {
    let Some(Price { input, output }) = price else { return 0 };
    let picodollars = u128::from(tokens.input) * u128::from(input) + u128::from(tokens.output) * u128::from(output);
    Money::try_from(picodollars.div_ceil(1_000_000)).unwrap_or(Money::MAX)
}

/// Finds the first model from `state.model` on whose dearest answer the rest of the budget covers, and sets that aside.
/// Nothing where there is none; where only the preferred one counts, no other is looked at.
pub(super) fn reserve(thinking: &Thinking, state: &State) -> Option<(usize, Reserved)> {
    use skreaver_protocol::config::OnExceeded;
    let downgrades = thinking.budget.as_ref().is_some_and(|budget| budget.on_exceeded == OnExceeded::Downgrade);
    let candidates = thinking.models.iter().enumerate().skip(state.model);
    let candidates = candidates.take(if downgrades { usize::MAX } else { 1 });
    let question = context_tokens(thinking, state);
    candidates.map(|(model, facts)| (model, worst(facts, question))).find(|(_, reserved)| fits(thinking, &state.spent, *reserved))
}

fn fits(thinking: &Thinking, spent: &Spent, reserved: Reserved) -> bool {
    let Some(BudgetConfig { tokens, cost_micro_usd, on_exceeded: _ }) = &thinking.budget else { return true };
    let within = |limit: &Option<u64>, spent: u64, more: u64| limit.is_none_or(|limit| spent.saturating_add(more) <= limit);
    within(tokens, spent.tokens.total(), reserved.tokens) && within(cost_micro_usd, spent.money, reserved.money)
}

fn worst(facts: &ModelFacts, input: u64) -> Reserved {
    if facts.is_free {
        return Reserved::default();
    }
    let tokens = Tokens { input, output: facts.max_output_tokens.unwrap_or(LONGEST_ANSWER).into() };
    Reserved { tokens: tokens.total(), money: cost(facts.price, tokens) }
}

/// Puts what an answer took in the place of what was set aside for it. A provider that tells nothing of tokens is taken to have
/// used all that was set aside, so that silence is no way around the budget.
pub(super) fn settle(thinking: &Thinking, spent: &mut Spent, asked: Asked, told: Tokens) {
    if told == Tokens::default() {
        return charge(spent, asked.reserved, 1);
    }
    let price = thinking.models.get(asked.model).and_then(|facts| facts.price);
    spent.tokens += told;
    spent.money = spent.money.saturating_add(cost(price, told));
}

/// Counts all that was set aside as used, so many times: answers that were lost on their way cost their provider's price too.
pub(super) fn charge(spent: &mut Spent, reserved: Reserved, times: u32) {
    spent.tokens += Tokens { input: reserved.tokens.saturating_mul(times.into()), output: 0 };
    spent.money = spent.money.saturating_add(reserved.money.saturating_mul(times.into()));
}

/// The tokens of the next question, estimated.
pub(super) fn context_tokens(thinking: &Thinking, state: &State) -> u64 {
    let summary = state.summary().map_or(0, |summary| summary.text.len());
    let messages: u64 = state.context().iter().map(tokens_of).sum();
    bytes_to_tokens(thinking.overhead_bytes + summary) + messages
}

fn tokens_of(message: &Message) -> u64 {
    let bytes = match message {
        Message::User { text } => text.len(),
        Message::Assistant { text, tool_requests } => {
            let requests = tool_requests.iter().map(|request| request.tool.len() + json_bytes(&request.arguments));
            text.len() + requests.sum::<usize>()
        }
        Message::Tool { id, tool, text, failed: _ } => id.len() + tool.len() + text.len(),
    };
    MESSAGE_TOKENS + bytes_to_tokens(bytes)
}

fn bytes_to_tokens(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX).div_ceil(BYTES_PER_TOKEN)
}

/// About as many bytes as a value has as JSON, without writing it down.
fn json_bytes(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 12,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| json_bytes(item) + 1).sum::<usize>(),
        Value::Object(fields) => 2 + fields.iter().map(|(key, value)| key.len() + 4 + json_bytes(value)).sum::<usize>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_for_a_million_tokens_and_is_rounded_up() {
        let price = Some(Price { input: 2_000_000, output: 8_000_000 });
        assert_eq!(cost(price, Tokens { input: 1_000_000, output: 0 }), 2_000_000);
        assert_eq!(cost(price, Tokens { input: 3, output: 1 }), 14);
        assert_eq!(cost(Some(Price { input: 1, output: 0 }), Tokens { input: 1, output: 5 }), 1);
        assert_eq!(cost(None, Tokens { input: 9, output: 9 }), 0);
    }
}
