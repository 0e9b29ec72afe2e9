//! From custom resources to a RuntimeConfig and Kubernetes manifests. Pure: no client, clock, environment or async.
//!
//! ```text
//! references(agent)                       what must be fetched
//! resolve(agent, found)                   everything it names exists, or a list of what does not
//! policy_bundle(policies, .., previous)   what its tool calls may do
//! manifests(resolved, bundle, settings)   its children
//! ```

pub mod local;
mod manifests;
mod policies;
mod resolve;
mod runtime_config;
mod settings;

pub use manifests::{Child, ChildKind, manifests, owner_reference};
pub use policies::{PolicyInForce, accept, fits_together, policies_in, policies_patch, policy_bundle, revision};
pub use resolve::{Found, References, ResolvedAgent, Unresolved, references, resolve};
pub use runtime_config::{agent_config, pod_runtime_config};
pub use settings::{ControlSettings, Settings};
