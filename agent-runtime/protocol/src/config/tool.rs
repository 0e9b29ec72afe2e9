//! The tools of an agent, and where each comes from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SecretSource;
use crate::{AgentName, GoDuration, ToolName};

/// One tool of an agent, or a source of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolConfig {
    /// The name under which callers and policies know it. The tools of a source of several are named `source/tool`.
    pub name: ToolName,
    /// Whether the agent is no use without it: its first readiness waits for a source that is required.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub required: bool,
    /// Where it comes from.
    pub source: ToolSource,
}

/// Where a tool comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum ToolSource {
    /// The runtime image itself, by the tool's name.
    Builtin,
    /// One HTTP request, made from a template.
    #[serde(rename = "HTTP")]
    Http(HttpToolConfig),
    /// The operations of an OpenAPI document.
    #[serde(rename = "OpenAPI")]
    OpenApi(OpenApiConfig),
    /// The tools of an MCP server.
    #[serde(rename = "MCP")]
    Mcp(McpConfig),
    /// Another agent, which is told the input and gives its answer.
    Agent(AgentToolConfig),
}

/// A tool that is one HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpToolConfig {
    /// What it does, for models and people. Absent: its method and URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The method.
    #[serde(default)]
    pub method: HttpMethod,
    /// A URL template (RFC 6570, level 1, in path and query): `https://api.example.com/users/{id}?q={query}`. Each variable is an
    /// argument, and no argument changes more than the segment or the part of the query in which it stands.
    pub url: String,
    /// Headers of every request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderConfig>,
    /// The JSON Schema (2020-12) of the arguments, an object. Absent: one text for each variable of the URL. Arguments that are
    /// no variables of the URL are the body, as one JSON object; with GET and DELETE they are added to the query. Arguments that
    /// it does not name are refused, unless it says `additionalProperties` itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    /// The JSON Schema (2020-12) of the answer. One that has not this form is a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// How long a request may take.
    #[serde(default = "half_a_minute")]
    pub timeout: GoDuration,
}

/// The method of an HTTP request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// Reads.
    #[default]
    Get,
    /// Adds.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Deletes.
    Delete,
}

/// A header of requests. Its value stands here, or in a secret: exactly one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderConfig {
    /// Its name. Example: `Authorization`.
    pub name: String,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where its value is found. Read again when it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretSource>,
}

/// A source whose tools are the operations of an OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenApiConfig {
    /// The document (OpenAPI 3.0 or 3.1), as JSON or YAML.
    pub document: String,
    /// The URL before its paths, in place of the one that the document names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Headers of every request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderConfig>,
    /// The operations that are tools, by globs of their names. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Those that are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// How long a request may take.
    #[serde(default = "half_a_minute")]
    pub timeout: GoDuration,
}

/// A source whose tools an MCP server has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpConfig {
    /// How it is reached.
    pub server: McpServer,
    /// Its tools that the agent has, by globs of the server's names. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Those that it has not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// What becomes of a tool that is not what it was when it was first seen.
    #[serde(default)]
    pub pin: Pin,
    /// How long a call may take.
    #[serde(default = "half_a_minute")]
    pub timeout: GoDuration,
}

/// How an MCP server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "transport", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum McpServer {
    /// Over streamable HTTP.
    Http {
        /// The address of its endpoint.
        url: String,
        /// Headers of every request.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        headers: Vec<HeaderConfig>,
        /// How the agent gets a token for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        oauth: Option<ClientCredentials>,
    },
    /// As a child process, over its standard input and output. Not in a cluster.
    Command {
        /// The program.
        command: String,
        /// Its arguments.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        args: Vec<String>,
        /// Its environment, besides `PATH` and `HOME`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        env: BTreeMap<String, String>,
    },
}

/// The client credentials grant of OAuth 2.0 (RFC 6749, section 4.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientCredentials {
    /// The token endpoint.
    pub token_url: String,
    /// Who the agent is there.
    pub client_id: String,
    /// By what it proves it.
    pub client_secret: SecretSource,
    /// What it asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// For which resource (RFC 8707). Absent: the server's URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

/// What becomes of a remote tool whose name, description or schema is not what it was when it was first seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Pin {
    /// Nothing.
    Off,
    /// It is told, and the tool is used as it is now.
    #[default]
    Warn,
    /// It is told, and the tool is not used until somebody accepts it.
    Enforce,
}

/// A tool that is another agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentToolConfig {
    /// The agent.
    pub agent: AgentName,
    /// What it is for, for models and people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where its API is, as `http://host:port`. Absent: in the same process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where the token is found by which it is told who asks, as `Authorization: Bearer`. Read again for every call. Absent: it is
    /// not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretSource>,
    /// How long its answer may take.
    #[serde(default = "half_a_minute")]
    pub timeout: GoDuration,
}

fn half_a_minute() -> GoDuration {
    GoDuration::from_secs(30)
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "this is the shape that serde calls")]
fn is_yes(yes: &bool) -> bool {
    *yes
}

impl ToolConfig {
    /// A tool of the image.
    pub fn builtin(name: ToolName) -> Self {
        Self { name, required: true, source: ToolSource::Builtin }
    }
}
