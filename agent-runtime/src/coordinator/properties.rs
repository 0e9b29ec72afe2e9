//! Properties of every run, whatever happens to it and in whatever order.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;
use skreaver_model::{Answer, StopReason};
use skreaver_policy::Goal;
use skreaver_protocol::config::{BudgetConfig, CompactionConfig, OnExceeded, Price};
use skreaver_protocol::message::{Message, Tokens, ToolRequest};
use skreaver_protocol::problem::Code;
use skreaver_protocol::{AgentName, ToolName};

use super::*;

const MOST_TURNS: u32 = 4;
const MOST_CALLS: u32 = 5;

fn setup() -> impl Strategy<Value = Setup> {
    let thinking = (1usize..3, any::<bool>(), prop::option::of(50u64..5_000), any::<bool>(), any::<bool>()).prop_map(
        |(models, downgrade, tokens, compact, goal)| Thinking {
            models: vec![
                ModelFacts { price: Some(Price { input: 1, output: 2 }), max_output_tokens: Some(20), is_free: false };
                models
            ]
            .try_into()
            .unwrap(),
            max_turns: MOST_TURNS,
            max_tool_calls: MOST_CALLS,
            budget: tokens.map(|tokens| BudgetConfig {
                tokens: Some(tokens),
                cost_micro_usd: None,
                on_exceeded: if downgrade { OnExceeded::Downgrade } else { OnExceeded::Deny },
            }),
            compaction: compact.then_some(CompactionConfig { token_threshold: 256, keep_last: 2 }),
            goal: goal.then(|| std::sync::Arc::new(Goal::compile(&goal_config()).unwrap())),
            output: None,
            overhead_bytes: 10,
        },
    );
    prop::option::weighted(0.8, thinking).prop_map(|thinking| Setup { thinking })
}

fn goal_config() -> skreaver_protocol::config::GoalConfig {
    skreaver_protocol::config::GoalConfig { text: "Say x.".into(), until: "output == 'x'".into() }
}

fn failure() -> Failure {
    Failure::new(Code::ToolFailed, "it broke")
}

fn answer() -> impl Strategy<Value = Answer> {
    (0usize..4, "[a-z]{0,300}|x", 0u64..60, any::<bool>()).prop_map(|(calls, text, output, cut)| {
        let request = |index| ToolRequest { id: format!("c{index}"), tool: "add".into(), arguments: json!({ "a": index }) };
        Answer {
            text,
            tool_requests: (0..calls).map(request).collect(),
            tokens: Tokens { input: output * 2, output },
            stop: if cut && calls == 0 { StopReason::Length } else { StopReason::Complete },
        }
    })
}

fn asked() -> impl Strategy<Value = Asked> {
    let purpose = prop_oneof![Just(Purpose::Answer), (0usize..99).prop_map(|covers| Purpose::Compaction { covers })];
    (0usize..4, purpose, 0u64..99).prop_map(|(model, purpose, tokens)| Asked {
        model,
        purpose,
        reserved: Reserved { tokens, money: tokens },
    })
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => "([a-z]{1,3}:)?[a-z]{0,9}".prop_map(|input| Event::Observed { input, history: history(), summary: None, read: BTreeSet::new() }),
        4 => (answer(), asked()).prop_map(|(answer, asked)| Event::Answered { answer, asked }),
        1 => (asked(), 0u32..3).prop_map(|(asked, charged)| Event::Unanswered { failure: failure(), asked, charged }),
        4 => (0u32..6).prop_map(|call| Event::Permitted { call, shown: None }),
        2 => (0u32..6).prop_map(|call| Event::Waiting { call, request: Box::new(request(call)) }),
        2 => (0u32..6, any::<bool>(), 0u64..99).prop_map(|(call, good, at_ms)| Event::Voted {
            call,
            outcome: if good { Ok(votes()) } else { Err(failure()) },
            at_ms,
        }),
        1 => (0u32..6).prop_map(|call| Event::Refused { call, failure: failure() }),
        4 => (0u32..6, any::<bool>()).prop_map(|(call, good)| Event::ToolEnded {
            call,
            outcome: if good { Ok(json!("sum")) } else { Err(failure()) },
            duration_us: 1,
        }),
        1 => Just(Event::Interrupted(Failure::new(Code::Cancelled, "enough"))),
    ]
}

fn request(step: u32) -> ApprovalRequest {
    ApprovalRequest {
        name: format!("amber-{step}"),
        agent: AgentName::parse("amber").unwrap(),
        run: "run".into(),
        step,
        session: None,
        tool: ToolName::parse("add").unwrap(),
        digest: "digest".into(),
        preview: json!({}),
        asked_by: Vec::new(),
        quorum: 1,
        asked_at_ms: 7,
        expires_at_ms: 9,
    }
}

fn votes() -> ApprovalVotes {
    ApprovalVotes { name: "amber-0".into(), digest: "digest".into(), votes: Vec::new() }
}

fn history() -> Vec<Message> {
    let text = "long ago ".repeat(20);
    vec![Message::User { text: text.clone() }, Message::Assistant { text, tool_requests: Vec::new() }]
}

/// An answer is one to the question that was asked.
fn of_question(event: Event, state: &State) -> Event {
    match (event, state.pending().first()) {
        (Event::Answered { answer, .. }, Some(Effect::Ask(asked))) => Event::Answered { answer, asked: *asked },
        (Event::Unanswered { failure, charged, .. }, Some(Effect::Ask(asked))) => {
            Event::Unanswered { failure, asked: *asked, charged }
        }
        (event, _) => event,
    }
}

/// What was asked for so far and has not come to its end.
#[derive(Default)]
struct Watch {
    asked: usize,
    decided: BTreeSet<u32>,
    approved: BTreeSet<u32>,
    called: BTreeSet<u32>,
    ends: usize,
}

impl Watch {
    fn effect(&mut self, effect: &Effect, permitted: &BTreeSet<u32>) {
        match effect {
            Effect::Ask(_) => self.asked += 1,
            Effect::Decide { call } => {
                assert!(self.decided.insert(*call) || self.approved.remove(call), "decided twice without an approval in between");
            }
            Effect::Await { call } => assert!(self.decided.contains(call), "people are asked before the policy is"),
            Effect::Call { call } => {
                assert!(permitted.contains(call), "called without a decision");
                assert!(self.called.insert(*call), "called twice");
            }
            Effect::End(_) => self.ends += 1,
        }
    }
}

proptest! {
    /// No order of events, sensible or not, makes a run go over a bound, call without a decision, or end twice; and what it
    /// still waits for can always be told from its state alone.
    #[test]
    fn bounds_and_decisions_hold_whatever_happens(setup in setup(), events in prop::collection::vec(event(), 0..40)) {
        let (mut state, mut watch, mut permitted) = (State::default(), Watch::default(), BTreeSet::new());
        for event in events {
            match &event {
                Event::Permitted { call, .. } => drop(permitted.insert(*call)),
                Event::Voted { call, outcome: Ok(_), .. } if state.asked_of(*call).is_some() => drop(watch.approved.insert(*call)),
                _ => {}
            }
            let was_ended = state.is_ended();
            let (next, effects) = step(&setup, state.clone(), of_question(event, &state));
            prop_assert!(!was_ended || effects.is_empty());
            effects.iter().for_each(|effect| watch.effect(effect, &permitted));
            prop_assert!(effects.iter().all(|effect| matches!(effect, Effect::End(_)) || next.pending().contains(effect)));
            prop_assert_eq!(next.is_ended(), watch.ends == 1);
            let waits = |effect: &Effect| matches!(effect, Effect::Await { .. });
            prop_assert!(!next.only_rests() || next.pending().iter().all(waits));
            prop_assert!(next.spent.turns <= MOST_TURNS);
            prop_assert!(next.calls().len() <= MOST_CALLS as usize);
            state = next;
        }
        prop_assert!(watch.asked <= 2 * MOST_TURNS as usize * 2, "sums up once a turn, asks each model once");
    }

    /// Whoever answers every effect comes to an end, and in a bounded number of steps.
    #[test]
    fn a_run_whose_effects_are_done_ends(setup in setup(), answers in prop::collection::vec(answer(), 64), broken in 0usize..64) {
        let observed = Event::Observed { input: "add:1".into(), history: history(), summary: None, read: BTreeSet::new() };
        let (mut state, mut effects) = step(&setup, State::default(), observed);
        let mut steps = 0;
        while !state.is_ended() {
            steps += 1;
            prop_assert!(steps < 64, "{state:?}");
            let event = match effects.first().cloned().or_else(|| state.pending().first().cloned()) {
                Some(Effect::Ask(asked)) if steps == broken => Event::Unanswered { failure: failure(), asked, charged: 1 },
                Some(Effect::Ask(asked)) => Event::Answered { answer: answers[steps].clone(), asked },
                Some(Effect::Decide { call }) if steps == broken => Event::Refused { call, failure: failure() },
                // People are asked about every second call, and approve every fourth.
                Some(Effect::Decide { call }) if call % 2 == 1 && state.call(call).unwrap().approved.is_none() => {
                    Event::Waiting { call, request: Box::new(request(call)) }
                }
                Some(Effect::Decide { call }) => Event::Permitted { call, shown: None },
                Some(Effect::Await { call }) => {
                    Event::Voted { call, outcome: if call % 4 == 1 { Ok(votes()) } else { Err(failure()) }, at_ms: 12 }
                }
                Some(Effect::Call { call }) => Event::ToolEnded { call, outcome: Ok(json!(steps)), duration_us: 1 },
                Some(Effect::End(_)) | None => unreachable!("a run that waits for nothing has ended: {state:?}"),
            };
            (state, effects) = step(&setup, state, event);
        }
        if let Some(budget) = setup.thinking.as_ref().and_then(|thinking| thinking.budget.as_ref()) {
            // The last answer may have been longer than what was set aside for it, no other one.
            let limit = budget.tokens.unwrap() + 3 * 60;
            prop_assert!(state.spent.tokens.total() <= limit, "{} over {limit}", state.spent.tokens.total());
        }
    }

    /// A run that another spec takes up comes to its end too, and what was asked for as a summary is never taken for an answer.
    #[test]
    fn a_run_goes_on_under_another_spec(before in setup(), behind in setup(), answers in prop::collection::vec(answer(), 128), cut in 0usize..12) {
        const SUMMARY: &str = "SUMMARY";
        let mut happened = vec![Event::Observed { input: "add:1".into(), history: history(), summary: None, read: BTreeSet::new() }];
        let fold = |setup: &Setup, events: &[Event]| events.iter().cloned().fold(State::default(), |state, event| step(setup, state, event).0);
        while !fold(if happened.len() <= cut { &before } else { &behind }, &happened).is_ended() {
            prop_assert!(happened.len() < 128);
            let setup = if happened.len() <= cut { &before } else { &behind };
            let next = match fold(setup, &happened).pending().remove(0) {
                Effect::Ask(asked @ Asked { purpose: Purpose::Compaction { .. }, .. }) => {
                    let answer = Answer { text: SUMMARY.into(), tool_requests: Vec::new(), tokens: Tokens::default(), stop: StopReason::Complete };
                    Event::Answered { answer, asked }
                }
                Effect::Ask(asked) => Event::Answered { answer: answers[happened.len()].clone(), asked },
                Effect::Decide { call } => Event::Permitted { call, shown: None },
                Effect::Await { .. } => unreachable!("nobody was asked"),
                Effect::Call { call } => Event::ToolEnded { call, outcome: Ok(json!(call)), duration_us: 1 },
                Effect::End(_) => unreachable!("an end is not pending"),
            };
            happened.push(next);
        }
        let end = fold(&behind, &happened);
        let said_it = |message: &Message| matches!(message, Message::Assistant { text, .. } if text == SUMMARY);
        prop_assert!(!end.own_messages().iter().any(said_it));
    }

    /// Events are kept as JSON, and come back as they were.
    #[test]
    fn events_survive_the_journal(event in event()) {
        let text = serde_json::to_string(&event).unwrap();
        prop_assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }
}
