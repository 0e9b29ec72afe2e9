//! The scripted model under short names.

use serde_json::Value;
use skreaver::model::ModelErrorKind;

pub(crate) use skreaver::testing::{Reply, ScriptedModel as Double};

pub(crate) fn answer(text: &str) -> Reply {
    Reply::text(text)
}

pub(crate) fn cut_off(text: &str) -> Reply {
    Reply::cut_off(text)
}

pub(crate) fn broken_off(text: &str) -> Reply {
    Reply::broken_off(text)
}

pub(crate) fn ask_for(tools: &[(&str, Value)]) -> Reply {
    Reply::tools(tools)
}

pub(crate) fn failure(kind: ModelErrorKind) -> Reply {
    Reply::failure(kind)
}
