//! What a tool call may do. Pure: [`Policy::compile`] turns rules into a [`Policy`], [`Policy::authorize`] turns a
//! [`Call`] into a [`Permit`] or a [`Denial`].
//!
//! Each Enforce policy decides alone (deny before allow, then its default) and the strictest answer of all wins, so
//! adding a policy never permits more. Audit policies only record. What cannot be decided is denied.
//!
//! What a permitted call may touch is judged where it touches it, by [`bounds::Bounds`].

mod authorize;
pub mod bounds;
mod compile;
mod goal;

pub use authorize::{Call, Cause, Decision, Denial, Permit};
pub use compile::{Policy, RuleProblem};
pub use goal::{Goal, GoalError, GoalFacts};
