//! The secrets that a runtime reads: which key of which Secret, and as which file.

use skreaver_crds::AgentSpec;
use skreaver_crds::agent::{AgentTool, Header, KeyRef};
use skreaver_protocol::AgentName;

use crate::place::model_field;

/// The file with the URL of the memory server.
pub(crate) const MEMORY_URL: &str = "memory-url";

/// A key of a Secret that becomes a file of the runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// Its name in the folder of secrets. Example: `model-0-key`.
    pub file: String,
    /// The key and its Secret.
    pub key: KeyRef,
    /// Where the Agent names it. Example: `spec.model.apiKey.secretKeyRef`.
    pub path: String,
}

/// Every secret that an Agent names for its runtime, in the order of its fields.
pub fn secret_files(spec: &AgentSpec) -> Vec<SecretFile> {
    let models = spec.model.iter().flat_map(|model| model.all()).enumerate();
    let keys = models.filter_map(|(index, model)| {
        let key = model.api_key.as_ref()?.secret_key_ref.clone();
        Some(SecretFile { file: model_key(index), key, path: format!("{}.apiKey.secretKeyRef", model_field(index)) })
    });
    let memory = spec.memory.iter().flat_map(|memory| {
        let redis = memory.redis.as_ref().map(|server| ("redis", server));
        redis.into_iter().chain(memory.postgre_sql.as_ref().map(|server| ("postgreSQL", server)))
    });
    let urls = memory.map(|(field, server)| SecretFile {
        file: MEMORY_URL.into(),
        key: server.url_secret_key_ref.clone(),
        path: format!("spec.memory.{field}.urlSecretKeyRef"),
    });
    keys.chain(urls).chain(spec.tools.iter().enumerate().flat_map(|(index, tool)| of_tool(index, tool))).collect()
}

/// The file with the key of the model with this index.
pub(crate) fn model_key(index: usize) -> String {
    format!("model-{index}-key")
}

fn of_tool(index: usize, tool: &AgentTool) -> Vec<SecretFile> {
    let AgentTool { name: _, source: _, required: _, http, openapi, mcp, agent: _ } = tool;
    let sections = [
        ("http", http.as_ref().map(|http| &http.headers)),
        ("openapi", openapi.as_ref().map(|openapi| &openapi.headers)),
        ("mcp", mcp.as_ref().map(|mcp| &mcp.headers)),
    ];
    let headers = sections.iter().flat_map(|(section, headers)| headers.iter().flat_map(|all| of_headers(index, section, all)));
    let client_secret = mcp.iter().filter_map(|mcp| mcp.oauth.as_ref()).map(|oauth| SecretFile {
        file: client_secret(index),
        key: oauth.client_secret.secret_key_ref.clone(),
        path: format!("spec.tools[{index}].mcp.oauth.clientSecret.secretKeyRef"),
    });
    headers.chain(client_secret).collect()
}

fn of_headers(tool: usize, section: &str, headers: &[Header]) -> impl Iterator<Item = SecretFile> {
    headers.iter().enumerate().filter_map(move |(index, header)| {
        let key = header.value_from.as_ref()?.secret_key_ref.clone();
        let path = format!("spec.tools[{tool}].{section}.headers[{index}].valueFrom.secretKeyRef");
        Some(SecretFile { file: header_value(tool, index), key, path })
    })
}

/// The file with the value of a header of the tool with this index.
pub(crate) fn header_value(tool: usize, header: usize) -> String {
    format!("tool-{tool}-header-{header}")
}

/// The file with the token by which an agent of the same namespace is told who asks.
pub(crate) fn peer_token(agent: &AgentName) -> String {
    format!("agent-{agent}-token")
}

/// The file with the client secret of the tool with this index.
pub(crate) fn client_secret(tool: usize) -> String {
    format!("tool-{tool}-client-secret")
}
