//! The card by which others find an agent (section 4.4).

use std::collections::HashMap;

use a2a::{
    AgentCapabilities, AgentCard, AgentInterface, AgentSkill, HttpAuthSecurityScheme, SecurityScheme,
    TRANSPORT_PROTOCOL_HTTP_JSON, TRANSPORT_PROTOCOL_JSONRPC,
};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, HOST, HeaderMap, VARY};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::HeaderName};
use skreaver_protocol::config::AgentConfig;
use skreaver_protocol::problem::Code;

use crate::http::extract::AgentOfPath;
use crate::http::{App, ProblemResponse};

/// The name of the one security scheme.
const BEARER: &str = "bearer";
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

pub(super) async fn of_agent(State(app): State<App>, AgentOfPath(agent): AgentOfPath, headers: HeaderMap) -> Response {
    answer(&app, agent.config(), &headers)
}

/// One address has one card. Where several agents share a process each has its own, below its path.
pub(super) async fn of_the_only_agent(State(app): State<App>, headers: HeaderMap) -> Result<Response, ProblemResponse> {
    let agents = app.runtime.agents();
    match agents.as_slice() {
        [agent] => Ok(answer(&app, agent.config(), &headers)),
        _ => {
            let cards: Vec<_> =
                agents.iter().map(|agent| format!("/agents/{}/.well-known/agent-card.json", agent.config().name)).collect();
            let detail = format!("{} agents are served here; choose one: {}", agents.len(), cards.join(", "));
            Err(ProblemResponse::new(Code::NotFound, detail))
        }
    }
}

fn answer(app: &App, agent: &AgentConfig, headers: &HeaderMap) -> Response {
    // What it says of addresses is true for who asked by this name.
    let headers_of_answer = [(CACHE_CONTROL, "max-age=60"), (VARY, "Host, X-Forwarded-Proto")];
    (headers_of_answer, Json(card(agent, &base(headers), app.runtime.guard.is_some()))).into_response()
}

/// Where the caller reaches us. A proxy that ends TLS says so.
fn base(headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let scheme = if text(FORWARDED_PROTO) == Some("https") { "https" } else { "http" };
    format!("{scheme}://{}", text(HOST).unwrap_or("localhost"))
}

fn card(agent: &AgentConfig, base: &str, asks: bool) -> AgentCard {
    let name = agent.name.to_string();
    let url = format!("{base}/agents/{name}/a2a");
    let description = agent.description.clone().unwrap_or_else(|| format!("The agent {name}."));
    let modes = vec![output_mode(agent).to_owned()];
    AgentCard {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        supported_interfaces: [TRANSPORT_PROTOCOL_JSONRPC, TRANSPORT_PROTOCOL_HTTP_JSON]
            .map(|binding| AgentInterface::new(url.clone(), binding))
            .to_vec(),
        capabilities: AgentCapabilities {
            streaming: Some(true),
            push_notifications: Some(false),
            extensions: None,
            extended_agent_card: Some(false),
        },
        default_input_modes: vec![super::operations::TEXT.to_owned()],
        default_output_modes: modes,
        // What it does with its tools is its own affair: it is asked in words.
        skills: vec![AgentSkill {
            id: name.clone(),
            name: name.clone(),
            description: description.clone(),
            tags: vec!["agent".to_owned()],
            examples: None,
            input_modes: None,
            output_modes: None,
            security_requirements: None,
        }],
        name,
        description,
        provider: None,
        documentation_url: None,
        icon_url: None,
        security_schemes: asks.then(|| HashMap::from([(BEARER.to_owned(), bearer())])),
        security_requirements: asks.then(|| vec![HashMap::from([(BEARER.to_owned(), Vec::new())])]),
        signatures: None,
    }
}

/// How callers prove who they are, where they are asked.
fn bearer() -> SecurityScheme {
    let description = "A token of the cluster or of an OpenID provider, or an API key.".to_owned();
    SecurityScheme::HttpAuth(HttpAuthSecurityScheme {
        scheme: "Bearer".to_owned(),
        description: Some(description),
        bearer_format: None,
    })
}

/// The media type of an agent's answers.
pub(super) fn output_mode(agent: &AgentConfig) -> &'static str {
    if agent.output_schema.is_some() { "application/json" } else { super::operations::TEXT }
}
