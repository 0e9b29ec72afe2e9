//! What a tool call may do. Pure: [`Policy::compile`] turns rules into a [`Policy`], [`Policy::authorize`] turns a [`Call`] into a
//! [`Decision`], and that becomes a [`Permit`] or a [`Denial`] once its rate limits are drawn from a [`Ledger`]. A call that needs approval is denied
//! until it brings what people said of it.
//!
//! Each Enforce policy decides alone (deny before approval before allow, then its default) and the strictest answer of all wins, so
//! adding a policy never permits more. Audit policies only record. What cannot be decided is denied.
//!
//! What a permitted call may touch is judged where it touches it, by [`bounds::Bounds`].

mod approval;
mod authorize;
pub mod bounds;
mod call;
mod canonical;
mod compile;
mod condition;
mod denial;
mod explain;
mod goal;
mod ledger;
mod patterns;
mod permit;
mod plan;
mod redact;
mod screen;
mod stack;

pub use approval::{Approved, Needs};
pub use authorize::{Decision, Settled, Verdict, is_larger};
pub use call::Call;
pub use canonical::digest;
pub use compile::{Policy, RuleProblem};
pub use denial::{Alternative, Cause, Denial, Why};
pub use explain::{Explained, ExplainedRule};
pub use goal::{Goal, GoalError, GoalFacts};
pub use ledger::Ledger;
pub use permit::{Permit, ResultLimit, Terms};
pub use redact::REDACTED;
pub use screen::{Place, Screen, Screens, Seen, Term};
