//! From custom resources to a RuntimeConfig and Kubernetes manifests. Pure: no client, clock, environment or async.
//!
//! ```text
//! references(agent, settings)             what must be fetched
//! resolve(agent, found, settings)         everything it names exists, or a list of what does not
//! policy_bundle(agent, policies, .., previous) what its tool calls may do
//! key_sets(auth, fetched, previous, now)  by which keys its pods judge tokens
//! manifests(resolved, told, settings)     its children
//! ```

mod auth;
mod egress;
mod judge;
pub mod local;
mod manifests;
mod network;
mod peers;
mod place;
mod policies;
mod resolve;
mod runtime_config;
mod secrets;
mod settings;
mod tools;

pub use auth::{auth_config, key_sets, key_sets_in};
pub use egress::{PodPort, Services, WayOut};
pub use manifests::{Child, ChildKind, Told, manifests, owner_reference};
pub use network::Network;
pub use peers::{Peers, askers, asks};
pub use place::ServiceName;
pub use policies::{PolicyInForce, accept, agent_facts, fits_together, policies_in, policies_patch, policy_bundle, revision};
pub use resolve::{Found, References, ResolvedAgent, Unresolved, references, resolve};
pub use runtime_config::{Locations, agent_config, pod_runtime_config, works_with_files};
pub use secrets::{SecretFile, secret_files};
pub use settings::{AuthDefault, AuthSettings, ControlSettings, Settings};
pub use tools::ResolvedTool;
