//! The proof that a call may happen, and what holds for its result.

use std::sync::Arc;

use serde_json::Value;
use skreaver_protocol::{Caller, ToolName};

use crate::bounds::Bounds;
use crate::redact::{Redactions, redact_arguments, redact_result};
use crate::screen::Screens;

/// The proof that a policy let a call pass: needed to run a tool, used up by running it, and made here only.
///
/// ```compile_fail
/// // A permit cannot be made outside this crate, so going around the policy does not compile.
/// let tool = skreaver_protocol::ToolName::parse("uppercase").unwrap();
/// let forged = skreaver_policy::Permit { tool, id: String::new(), caller: skreaver_protocol::Caller::Anonymous, terms: Default::default(), bounds: Default::default(), screens: Default::default() };
/// ```
/// ```compile_fail
/// // Nor can one permit serve two calls.
/// fn twice(permit: skreaver_policy::Permit) -> [skreaver_policy::Permit; 2] { [permit.clone(), permit] }
/// ```
#[derive(Debug)]
#[must_use = "a permit is there to be spent on the call it was given for"]
pub struct Permit {
    pub(crate) tool: ToolName,
    pub(crate) id: String,
    pub(crate) caller: Caller,
    pub(crate) terms: Terms,
    pub(crate) bounds: Arc<Bounds>,
    pub(crate) screens: Arc<Screens>,
}

impl Permit {
    /// The tool that may run, once.
    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// Tells this call from every other one, and is the same when it is made again after a crash: the key by which an
    /// effect elsewhere can be made to happen once.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// On whose behalf the call is made: for tools that ask others in their name.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What the call may touch: asked where it touches it.
    pub fn bounds(&self) -> &Arc<Bounds> {
        &self.bounds
    }

    /// What is looked for in its arguments and its result.
    pub fn screens(&self) -> &Arc<Screens> {
        &self.screens
    }

    /// What holds for the call and its result.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }
}

/// What the rules that are about a permitted call say of it: the strictest of them all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    pub(crate) result_limit: Option<ResultLimit>,
    pub(crate) redactions: Vec<Arc<Redactions>>,
}

/// How large a result may be, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultLimit {
    /// The ToolPolicy.
    pub policy: String,
    /// The rule in it.
    pub rule: String,
    /// Bytes, as JSON.
    pub most: u64,
}

impl Terms {
    /// How large the result may be, if a rule says so.
    pub fn result_limit(&self) -> Option<&ResultLimit> {
        self.result_limit.as_ref()
    }

    /// Whether anything is to be replaced.
    pub fn redacts(&self) -> bool {
        !self.redactions.is_empty()
    }

    /// Replaces in arguments what is nobody's business but the tool's.
    pub fn redact_arguments(&self, arguments: &mut Value) {
        redact_arguments(&self.redactions, arguments);
    }

    /// Replaces in a result what nobody is to see.
    pub fn redact_result(&self, result: &mut Value) {
        redact_result(&self.redactions, result);
    }
}
