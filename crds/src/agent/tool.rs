//! The tools that an agent may use.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod call;
mod http;
mod mcp;

use call::timeout;
pub use call::{Header, HeaderValue};
pub use http::{DocumentSource, HttpTool, OpenApiTool};
pub use mcp::{EnvVar, McpLink, McpTool, OAuth};

use skreaver_protocol::GoDuration;

/// One tool of an agent, or a source of several.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.http) == (self.type == 'HTTP')")
        .message("set http for a tool of the type HTTP, and for no other"),
    validation = Rule::new("has(self.openapi) == (self.type == 'OpenAPI')")
        .message("set openapi for tools of the type OpenAPI, and for no other"),
    validation = Rule::new("has(self.mcp) == (self.type == 'MCP')")
        .message("set mcp for tools of the type MCP, and for no other"),
    validation = Rule::new("has(self.agent) == (self.type == 'Agent')")
        .message("set agent for a tool of the type Agent, and for no other"),
    validation = Rule::new("self.type != 'Builtin' || !has(self.required)")
        .message("a tool of the type Builtin is always there: leave required out"),
    validation = Rule::new("self.type in ['Builtin', 'MCP'] || !has(self.required) || !self.required")
        .message("required: true waits for a server of the type MCP, and a tool of this type has nothing to wait for: leave required out")
)]
pub struct AgentTool {
    /// The name under which callers and policies know the tool; for a Builtin one its name in the image. The tools of OpenAPI and
    /// MCP are named `name/tool`. Example: `uppercase`.
    #[schemars(length(max = 63))]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z][a-z0-9_-]*$')")
            .message("write a tool name of lower-case letters, digits, '-' and '_', starting with a letter")
    )]
    pub name: String,

    /// Where the tool comes from. `Builtin`: the runtime image itself, which has for texts `uppercase`, `lowercase`, `reverse`,
    /// `split`, `analyze` and `search`; for numbers `add`, `subtract`, `multiply` and `divide`, all exact; for documents
    /// `json_parse`, `json_format`, `json_query`, `json_transform`, `xml_parse` and `html_to_text`; `base64_encode`,
    /// `base64_decode`, `hash` and `time`; and `remember` and `recall` for an agent with memory. `HTTP`: one request.
    /// `OpenAPI`: the operations of a document. `MCP`: the tools of an MCP server. `Agent`: another Agent.
    #[serde(rename = "type")]
    pub source: ToolType,

    /// Whether the agent is no use without it: a pod is not ready for the first time before its server answers. For tools of the
    /// type MCP, which are found while the agent runs; the others are there from the start, and only their calls can fail.
    /// Default: true for MCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,

    /// The request, for the type HTTP. Example: `{url: "http://rates.default.svc/today", timeout: 2s}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpTool>,

    /// The document, for the type OpenAPI.
    /// Example: `{documentFrom: {configMapKeyRef: {name: shop, key: openapi.yaml}}, server: "http://shop.default.svc"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openapi: Option<OpenApiTool>,

    /// The server, for the type MCP. Example: `{url: "http://ledger.default.svc:8000/mcp", include: ["find_*"], pin: Enforce}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp: Option<McpTool>,

    /// The other Agent, for the type Agent. Example: `{name: clerk}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<PeerAgent>,
}

/// Where a tool comes from.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToolType {
    /// The runtime image itself, by the tool's name.
    Builtin,
    /// One HTTP request, made from a template.
    #[serde(rename = "HTTP")]
    Http,
    /// The operations of an OpenAPI document.
    #[serde(rename = "OpenAPI")]
    OpenApi,
    /// The tools of an MCP server.
    #[serde(rename = "MCP")]
    Mcp,
    /// Another Agent of the namespace.
    Agent,
}

/// Another Agent, which is told the input and gives its answer.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerAgent {
    /// Its name. It is in the same namespace, and is not the Agent itself. Example: `clerk`.
    #[schemars(length(max = 52))]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')")
            .message("write the name of an Agent in the same namespace: lower-case letters, digits and '-', starting with a letter")
    )]
    pub name: String,

    /// What it is for, for models and people. Default: its own description. Example: `Answers questions on invoices.`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub description: Option<String>,

    /// How long its answer may take. Default: `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timeout")]
    pub timeout: Option<GoDuration>,
}
