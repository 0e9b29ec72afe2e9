//! A run as a pure state machine: [`step`] takes a state and an event to the next state and what is to be done.
//!
//! This is the machine of an agent without a model: an input `tool:text` runs the tool on the text, anything else is echoed.

use serde_json::Value;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing was observed yet.
    New,
    /// A tool was called and has not answered.
    Calling,
    /// The run has ended.
    Ended,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The agent was told this.
    Observed(String),
    /// The tool that was called answered.
    ToolAnswered(Value),
    /// The tool that was called gave no answer.
    ToolFailed,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Call this tool with this text.
    CallTool {
        /// The tool's name, as written.
        tool: String,
        /// The text behind the colon.
        text: String,
    },
    /// End the run with this answer.
    Answer(String),
    /// End the run with the error of the last effect.
    Fail,
}

/// The next state, and what is to be done. An event that does not fit the state changes nothing.
pub fn step(state: State, event: Event) -> (State, Vec<Effect>) {
    match (state, event) {
        (State::New, Event::Observed(input)) => match tool_call(&input) {
            Some((tool, text)) => {
                let effect = Effect::CallTool { tool: tool.to_owned(), text: text.to_owned() };
                (State::Calling, vec![effect])
            }
            None => (State::Ended, vec![Effect::Answer(input)]),
        },
        (State::Calling, Event::ToolAnswered(output)) => (State::Ended, vec![Effect::Answer(as_text(output))]),
        (State::Calling, Event::ToolFailed) => (State::Ended, vec![Effect::Fail]),
        (state @ State::New, Event::ToolAnswered(_) | Event::ToolFailed)
        | (state @ State::Calling, Event::Observed(_))
        | (state @ State::Ended, Event::Observed(_) | Event::ToolAnswered(_) | Event::ToolFailed) => (state, Vec::new()),
    }
}

/// Splits `tool:text` where the part before the colon matches `^[a-z][a-z0-9_-]*$`.
fn tool_call(input: &str) -> Option<(&str, &str)> {
    let (tool, text) = input.split_once(':')?;
    let starts_well = tool.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    let goes_on = tool.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'_' | b'-'));
    (starts_well && goes_on).then_some((tool, text))
}

/// What a tool answered, as a text: a string as it is, anything else as JSON.
pub(crate) fn as_text(output: Value) -> String {
    match output {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn observed(input: &str) -> (State, Vec<Effect>) {
        step(State::New, Event::Observed(input.into()))
    }

    fn check(input: &str, tool: &str, text: &str) {
        assert_eq!(observed(input), (State::Calling, vec![Effect::CallTool { tool: tool.into(), text: text.into() }]));
    }

    #[test]
    fn what_stands_before_a_colon_is_a_tool() {
        check("uppercase:hello world", "uppercase", "hello world");
        check("a1_-b:", "a1_-b", "");
        check("split:a:b", "split", "a:b");
    }

    #[test]
    fn anything_else_is_echoed() {
        for input in ["", "hello", "Note: this", "1st: x", "two words: x", " x:y", ":", "é:x", "http ://x"] {
            assert_eq!(observed(input), (State::Ended, vec![Effect::Answer(input.into())]), "{input}");
        }
    }

    #[test]
    fn an_answer_that_is_no_text_is_told_as_json() {
        let answered = |output| step(State::Calling, Event::ToolAnswered(output)).1;
        assert_eq!(answered(json!("AB")), [Effect::Answer("AB".into())]);
        assert_eq!(answered(json!(["a", 1])), [Effect::Answer(r#"["a",1]"#.into())]);
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            ".*".prop_map(Event::Observed),
            "[a-z]{1,3}:.*".prop_map(Event::Observed),
            ".*".prop_map(|text| Event::ToolAnswered(Value::String(text))),
            Just(Event::ToolFailed),
        ]
    }

    proptest! {
        #[test]
        fn a_run_calls_at_most_one_tool_and_ends_at_most_once(events in prop::collection::vec(event(), 0..12)) {
            let (mut state, mut calls, mut ends) = (State::New, 0, 0);
            for event in events {
                let ended = state == State::Ended;
                let (next, effects) = step(state, event);
                prop_assert!(!ended || effects.is_empty());
                calls += effects.iter().filter(|effect| matches!(effect, Effect::CallTool { .. })).count();
                ends += effects.iter().filter(|effect| matches!(effect, Effect::Answer(_) | Effect::Fail)).count();
                prop_assert_eq!(next == State::Ended, ends == 1);
                state = next;
            }
            prop_assert!(calls <= 1 && ends <= 1);
        }
    }
}
