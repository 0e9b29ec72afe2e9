//! A model that follows one rule: a stamp, then a stamp and a payment, then it tells what came of them.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use skreaver::model::{Answer, Deltas, Model, ModelError, Question, StopReason};
use skreaver::protocol::message::{Message, Tokens, ToolRequest};

use super::{Death, Deed, Ledger, PAY, Point, STAMP, pause};

/// A model that tells the ledger of each question, and whose process dies while it answers.
pub(super) struct MortalModel {
    pub(super) ledger: Arc<Ledger>,
    pub(super) death: Arc<Death>,
    pub(super) seed: u64,
}

#[async_trait]
impl Model for MortalModel {
    async fn ask(&self, question: &Question, deltas: Option<Deltas<'_>>) -> Result<Answer, ModelError> {
        let (label, said) = of_this_run(&question.messages);
        let turn = said.iter().filter(|message| matches!(message, Message::Assistant { .. })).count();
        self.ledger.write(&Deed::Asked { label: label.to_owned(), turn });
        self.death.pass(Point::ModelAsked);
        let answer = answer(label, turn, said);
        for (number, word) in answer.text.split_inclusive(' ').enumerate() {
            pause(self.seed, &format!("{label} {turn} {number}")).await;
            if let Some(deltas) = deltas {
                deltas(word);
            }
            if number == 0 {
                self.death.pass(Point::ModelFirstDelta);
            }
        }
        Ok(answer)
    }
}

/// What the run was told, and what was said since. Before may be other runs of its session.
fn of_this_run(messages: &[Message]) -> (&str, &[Message]) {
    let told = messages.iter().enumerate().rev().find_map(|(place, message)| match message {
        Message::User { text } => Some((text.as_str(), &messages[place + 1..])),
        Message::Assistant { .. } | Message::Tool { .. } => None,
    });
    told.expect("a question begins with what the agent was told")
}

fn answer(label: &str, turn: usize, said: &[Message]) -> Answer {
    let request = |(number, tool): (usize, &&str)| ToolRequest {
        id: format!("{turn}-{number}"),
        tool: (*tool).to_owned(),
        arguments: json!({"label": label}),
    };
    let wanted: &[&str] = match turn {
        0 => &[STAMP],
        1 => &[STAMP, PAY],
        _ => &[],
    };
    let (text, stop) = match wanted {
        [] => (conclusion(label, said), StopReason::Complete),
        _ => (format!("{label} goes on"), StopReason::Tools),
    };
    let tool_requests = wanted.iter().enumerate().map(request).collect();
    Answer { text, tool_requests, tokens: Tokens { input: 10, output: 5 }, stop }
}

/// What the model was told of its tools, in a sentence.
fn conclusion(label: &str, said: &[Message]) -> String {
    let (mut stamps, mut paid) = (0, "unpaid");
    for message in said {
        let Message::Tool { tool, text, failed, .. } = message else { continue };
        match (tool.as_str(), failed) {
            (STAMP, false) => stamps += 1,
            (PAY, false) => paid = "paid",
            // So the runtime tells that it does not know.
            (PAY, true) if text.contains("It is not known whether the call took effect") => paid = "perhaps paid",
            _ => {}
        }
    }
    format!("{label} has {stamps} stamps and is {paid}")
}
