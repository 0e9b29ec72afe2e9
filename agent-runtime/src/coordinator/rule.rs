//! An agent without a model: an input `tool:text` runs the tool on the text, anything else is echoed.

use serde_json::Value;
use skreaver_protocol::message::Message;

use super::state::CallInput;
use super::{Call, CallState, Effect, State, finish};

pub(super) fn begin(mut state: State) -> (State, Vec<Effect>) {
    let Some((tool, text)) = tool_call(state.input()) else {
        let echo = state.input().to_owned();
        return answer(state, echo);
    };
    let call = Call::new(String::new(), tool.to_owned(), CallInput::Text(text.to_owned()));
    let effects = state.call_tools([call]);
    (state, effects)
}

pub(super) fn called(state: State) -> (State, Vec<Effect>) {
    match state.calls().first().map(|call| call.state.clone()) {
        Some(CallState::Ended(Ok(output))) => answer(state, as_text(output)),
        Some(CallState::Ended(Err(failure))) => finish::fail(state, failure),
        Some(CallState::Undecided | CallState::Waiting(_) | CallState::Permitted) | None => (state, Vec::new()),
    }
}

fn answer(mut state: State, output: String) -> (State, Vec<Effect>) {
    state.say(Message::Assistant { text: output.clone(), tool_requests: Vec::new() });
    finish::complete(state, output)
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
    use super::super::{Event, Failure, Outcome, Setup, step};
    use super::*;
    use serde_json::json;

    fn observed(input: &str) -> (State, Vec<Effect>) {
        let event = Event::observed(input);
        step(&Setup::default(), State::default(), event)
    }

    fn check(input: &str, tool: &str, text: &str) {
        let (state, effects) = observed(input);
        assert_eq!(effects, [Effect::Decide { call: 0 }], "{input}");
        assert_eq!((state.calls()[0].tool.as_str(), &state.calls()[0].input), (tool, &CallInput::Text(text.into())));
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
            let ended = Effect::End(Outcome::Completed { output: input.into() });
            assert_eq!(observed(input).1, [ended], "{input}");
        }
    }

    #[test]
    fn whoever_folds_the_events_knows_what_was_read() {
        let fold = |event| step(&Setup::default(), observed("find:x").0, event).0;
        assert!(fold(Event::Permitted { call: 0, shown: None }).read().is_empty());
        let refused = Event::Refused { call: 0, failure: Failure::cancelled() };
        assert!(fold(refused).read().is_empty());
        for outcome in [Ok(json!("AB")), Err(Failure::cancelled())] {
            let ended = Event::ToolEnded { call: 0, outcome, duration_us: 1 };
            let state = step(&Setup::default(), fold(Event::Permitted { call: 0, shown: None }), ended).0;
            assert_eq!(state.read().iter().collect::<Vec<_>>(), ["find"]);
        }
    }

    #[test]
    fn an_answer_that_is_no_text_is_told_as_json() {
        let answered = |output: Value| {
            let (state, _) = step(&Setup::default(), observed("find:x").0, Event::Permitted { call: 0, shown: None });
            step(&Setup::default(), state, Event::ToolEnded { call: 0, outcome: Ok(output), duration_us: 1 }).1
        };
        assert_eq!(answered(json!("AB")), [Effect::End(Outcome::Completed { output: "AB".into() })]);
        assert_eq!(answered(json!(["a", 1])), [Effect::End(Outcome::Completed { output: r#"["a",1]"#.into() })]);
    }
}
