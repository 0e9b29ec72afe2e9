//! Who asks, and what they may: judges credentials against keys, and callers against roles. Pure: headers, keys and the time come
//! in as arguments, and nothing is fetched, read or written.
//!
//! ```text
//! headers -> Credentials -> authenticate -> Identity -> authorize(agent, permission) -> the request
//!                                 |                          |
//!                              Refusal: 401, 503          Refusal: 403, 404
//! ```
//!
//! | permission | what asks for it |
//! | --- | --- |
//! | `Observe` | observations, chat completions, calls of tools over MCP, messages over WebSocket and A2A |
//! | `Read` | agents and their status, models, the listing of tools; runs, their events and sessions, where they are one's own |
//! | `Cancel` | cancelling runs and deleting sessions, where they are one's own |
//! | `Approve` | the calls that wait, and decisions about them |
//! | `Admin` | `/metrics`, deleting an agent; with another permission: what belongs to others |
//!
//! `/agents` lists the agents that one may read. What a runtime has to do around it:
//!
//! - Ask for every request to the API port but health, readiness and the agent card, `/metrics` and `/openapi.json` among them, and
//!   before the body is read. A WebSocket is asked once, when it is opened, and closed when the
//!   [identity expires](Identity::expires).
//! - Give all values of both headers to [`Credentials::of`], in whatever case their names come; take no credential from a query,
//!   a cookie or a body; and hand neither header on to a tool, a model or another agent.
//! - Answer a [`Refusal`] with its [`status`](Refusal::status), its [`told`](Refusal::told) and its
//!   [`challenge`](Refusal::challenge); log its `Display` and [`reason`](Refusal::reason) once, with the remote address and the
//!   path; count it under its reason. `agent_errors_total{kind="auth"}` counts it too.
//! - Where a refusal [wants keys](Refusal::wants_keys_of), ask the operator for them, at most once in ten seconds for an issuer,
//!   let the request wait for at most two seconds, at most 64 of them at a time, and ask once more. Key names are the
//!   stranger's to choose: without these bounds they are a way to make us ask the issuer without end.
//! - Swap the whole [`Authenticator`] when [`KeySets`](skreaver_protocol::auth::KeySets) arrive or a file changes
//!   ([`Keys::after`], [`Authenticator::with_keys`], [`Authenticator::with_api_keys`]), and tell the problems that come with it. A
//!   directory that cannot be read changes nothing. Readiness waits for the keys of every issuer once, and never again.
//! - Put [`Identity::caller`] into the observation, and keep sessions and idempotency keys under its
//!   [`identity`](skreaver_protocol::Caller::identity), never under the whole: groups change. A session id that another caller
//!   has used is a session of its own.
//! - Ask [`Authenticator::authorize_over`] for what belongs to somebody. What [`Caller::Anonymous`](skreaver_protocol::Caller)
//!   owns, from the time before, is only an admin's.
//! - Without an [`AuthConfig`](skreaver_protocol::auth::AuthConfig) ask nobody, and listen on loopback alone unless somebody has
//!   said that this is meant.

mod api_keys;
mod authenticator;
mod callers;
mod check;
mod credentials;
mod keys;
mod refusal;
mod roles;
mod shown;
mod token;

pub use api_keys::{ApiKeyProblem, ApiKeys, NewApiKey};
pub use authenticator::{Authenticator, Identity};
pub use check::ConfigProblem;
pub use credentials::{Credentials, TOKEN_MAX};
pub use keys::{KeyProblem, Keys};
pub use refusal::Refusal;
pub use shown::Shown;
pub use token::LONGEST_LIFE;
