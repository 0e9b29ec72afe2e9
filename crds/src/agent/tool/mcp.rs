//! Tools of MCP servers.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};
use skreaver_protocol::GoDuration;
use skreaver_protocol::config::Pin;

use super::super::model::BASE_URL;
use super::super::reference::SecretKeySource;
use super::call::{Header, globs, headers, timeout};

/// Tools of an MCP server.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.url) != has(self.command)")
        .message("set url or command, one of the two"),
    validation = Rule::new("has(self.url) || (!has(self.headers) && !has(self.oauth))")
        .message("headers and oauth are for a server at a URL: set url, or leave them out"),
    validation = Rule::new("has(self.command) || (!has(self.args) && !has(self.env))")
        .message("args and env are for a server that is a program: set command, or leave them out")
)]
pub struct McpTool {
    /// The address of its endpoint, which speaks streamable HTTP. The agent's pods may reach this host and port.
    /// Example: `http://ledger.default.svc:8000/mcp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    #[x_kube(
        validation = Rule::new(BASE_URL)
            .message("write url as http://HOST or https://HOST, with :PORT and /PATH where needed, and without user, query or fragment")
    )]
    pub url: Option<String>,

    /// Headers of every request. Example: `[{name: Authorization, valueFrom: {secretKeyRef: {name: ledger, key: authorization}}}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "headers")]
    pub headers: Vec<Header>,

    /// How the agent gets a token for it. Default: it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OAuth>,

    /// The program of a server that is spoken to over its standard input and output. For `skreaver run` only: a cluster runs no
    /// programs of yours in the pods of agents. Example: `npx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub command: Option<String>,

    /// Its arguments. Default: none. Example: `["-y", "@modelcontextprotocol/server-everything"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 4096)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub args: Vec<String>,

    /// Its environment, besides `PATH` and `HOME`. Default: nothing else. Example: `[{name: LOG, value: debug}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<EnvVar>,

    /// Its tools that the agent has, by globs of the server's names. Default: all. Example: `["find_*"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "globs")]
    pub include: Vec<String>,

    /// Those that it has not. Default: none. Example: `["delete_*"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "globs")]
    pub exclude: Vec<String>,

    /// What becomes of a tool that is not what it was when it was first seen. `Off`: nothing. `Warn`: it is told, and the tool is
    /// used as it is now. `Enforce`: it is told, and the tool is not used until somebody accepts it. Default: `Warn`.
    #[serde(default)]
    pub pin: Pin,

    /// Another number than before accepts the tools as they are now: what they were is forgotten, and they are seen for the first
    /// time. Default: 0. Example: `1`.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub pin_version: i64,

    /// How long a call may take. Default: `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timeout")]
    pub timeout: Option<GoDuration>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "this is the shape that serde calls")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// The one way in which a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum McpLink<'a> {
    /// At a URL.
    Url(&'a str),
    /// As a program.
    Command(&'a str),
}

impl McpTool {
    /// How it is reached; nothing where neither is set, which the schema refuses.
    pub fn link(&self) -> Option<McpLink<'_>> {
        let url = self.url.as_deref().map(McpLink::Url);
        url.or_else(|| self.command.as_deref().map(McpLink::Command))
    }
}

/// A variable of the environment.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    /// Its name. Example: `LOG`.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(
        validation = Rule::new("self.matches('^[A-Za-z_][A-Za-z0-9_]*$')")
            .message("write the name of a variable: letters, digits and '_', not starting with a digit")
    )]
    pub name: String,
    /// Its value, which is no secret. Example: `debug`.
    #[schemars(length(max = 4096))]
    pub value: String,
}

/// The client credentials grant of OAuth 2.0 (RFC 6749, section 4.4).
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OAuth {
    /// The token endpoint. The agent's pods may reach this host and port. Example: `https://login.example.com/oauth/token`.
    #[serde(rename = "tokenURL")]
    #[schemars(length(max = 1024))]
    #[x_kube(
        validation = Rule::new(BASE_URL)
            .message("write tokenURL as http://HOST or https://HOST, with :PORT and /PATH where needed, and without user, query or fragment")
    )]
    pub token_url: String,

    /// Who the agent is there. Example: `clerk`.
    #[serde(rename = "clientID")]
    #[schemars(length(min = 1, max = 256))]
    pub client_id: String,

    /// By what it proves it. Example: `{secretKeyRef: {name: ledger-oauth, key: secret}}`.
    pub client_secret: SecretKeySource,

    /// What it asks for. Default: nothing in particular. Example: `["ledger.read"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 128)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub scopes: Vec<String>,

    /// For which resource (RFC 8707). Default: the server's URL. Example: `https://ledger.example.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub resource: Option<String>,
}
