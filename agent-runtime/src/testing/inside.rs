//! Ways in for tests from outside that have many inputs to try, past sockets and disks.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::coordinator::{CallInput, Event, Setup, State, step};
use crate::runs::record::{decode, encode};

/// The API of a runtime, as it is served.
#[cfg(feature = "http")]
pub fn api(runtime: &std::sync::Arc<crate::Runtime>) -> axum::Router {
    crate::http::api(std::sync::Arc::clone(runtime), &[])
}

/// The routes of the API: method, path, and the permissions of which each needs one; none where nobody is asked.
#[cfg(feature = "http")]
pub fn routes() -> Vec<(&'static str, &'static str, Vec<skreaver_protocol::auth::Permission>)> {
    crate::http::needed()
}

/// A record of a journal with the checksum that belongs to it.
pub fn record(event: &Value) -> Vec<u8> {
    encode(event).to_vec()
}

/// What became of a run that was taken up from its journal.
#[derive(Debug, PartialEq)]
pub struct Replayed {
    /// The records that are of a journal.
    pub records: usize,
    /// Its calls of tools.
    pub calls: usize,
    /// What is still to be done.
    pub pending: usize,
    /// Whether it is over.
    pub is_ended: bool,
    /// All of its state, for comparisons.
    pub state: String,
}

/// Takes up the run of a rule agent from records of its journal, each as it lies in memory.
///
/// # Errors
/// Why a record cannot be read.
///
/// # Panics
/// When a record that was read is not read again as it is written.
pub fn replay<'r>(records: impl IntoIterator<Item = &'r [u8]>) -> Result<Replayed, String> {
    let (setup, mut state, mut count) = (Setup::default(), State::default(), 0);
    for bytes in records {
        let event: Event = decode(bytes).map_err(|damage| damage.to_string())?;
        assert_eq!(decode::<Event>(&encode(&event)).as_ref(), Ok(&event));
        state = step(&setup, state, event).0;
        count += 1;
    }
    Ok(Replayed {
        records: count,
        calls: state.calls().len(),
        pending: state.pending().len(),
        is_ended: state.is_ended(),
        state: format!("{state:?}"),
    })
}

/// The call that an input of a rule agent asks for: the tool and the text that it is given. The run fails where there is none.
pub fn rule(input: &str) -> Option<(String, String)> {
    let observed = Event::Observed { input: input.to_owned(), history: Vec::new(), summary: None, read: BTreeSet::new() };
    let (state, _) = step(&Setup::default(), State::default(), observed);
    state.calls().first().map(|call| match &call.input {
        CallInput::Text(text) => (call.tool.clone(), text.clone()),
        CallInput::Arguments(arguments) => (call.tool.clone(), arguments.to_string()),
    })
}
