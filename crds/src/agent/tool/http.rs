//! Tools that are HTTP requests.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use skreaver_protocol::GoDuration;
use skreaver_protocol::config::HttpMethod;

use super::super::any_object;
use super::super::model::BASE_URL;
use super::super::reference::KeyRef;
use super::call::{Header, globs, headers, timeout};

/// As [`BASE_URL`], with variables in path and query, and without a fragment.
const URL_TEMPLATE: &str = r"self.matches('^https?://([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?(/([^{}?#\\s]|\\{[A-Za-z_][A-Za-z0-9_]*\\})*)?(\\?([^{}#\\s]|\\{[A-Za-z_][A-Za-z0-9_]*\\})*)?$')";

/// A tool that is one HTTP request.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpTool {
    /// What it does, for models and people. Default: its method and URL. Example: `Tells the exchange rates of today.`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub description: Option<String>,

    /// Its method. Default: `GET`.
    #[serde(default)]
    pub method: HttpMethod,

    /// A URL with variables in its path and query (RFC 6570, level 1), each an argument. The agent's pods may reach this host and
    /// port. Example: `https://api.example.com/users/{id}?q={query}`.
    #[schemars(length(max = 1024))]
    #[x_kube(
        validation = Rule::new(URL_TEMPLATE)
            .message("write url as http://HOST or https://HOST, with :PORT and /PATH?QUERY where needed, with {variables} in path and query only, and without user or fragment")
    )]
    pub url: String,

    /// Headers of every request. Example: `[{name: Authorization, valueFrom: {secretKeyRef: {name: shop, key: authorization}}}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "headers")]
    pub headers: Vec<Header>,

    /// The JSON Schema (2020-12) of the arguments, an object, of at most 64 KiB. Arguments that are no variables of the URL are the
    /// body, as one JSON object; with GET and DELETE they are added to the query. Default: one text for each variable.
    /// Example: `{type: object, required: [id], properties: {id: {type: integer}}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub input_schema: Option<Value>,

    /// The JSON Schema (2020-12) of the answer, of at most 64 KiB. One of another shape is a failure. Default: any answer.
    /// Example: `{type: object, required: [rates]}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub output_schema: Option<Value>,

    /// How long a request may take. Default: `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timeout")]
    pub timeout: Option<GoDuration>,
}

/// Tools that are the operations of an OpenAPI document.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenApiTool {
    /// The document (OpenAPI 3.0 or 3.1), as JSON or YAML, of at most 256 KiB. The Agent follows when it changes.
    pub document_from: DocumentSource,

    /// The URL before the paths of the document, whatever servers the document names: who edits it does not choose where the agent
    /// goes. The agent's pods may reach this host and port. Example: `http://shop.default.svc/v1`.
    #[schemars(length(max = 1024))]
    #[x_kube(
        validation = Rule::new(BASE_URL)
            .message("write server as http://HOST or https://HOST, with :PORT and /PATH where needed, and without user, query or fragment")
    )]
    pub server: String,

    /// Headers of every request. Example: `[{name: Authorization, valueFrom: {secretKeyRef: {name: shop, key: authorization}}}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "headers")]
    pub headers: Vec<Header>,

    /// The operations that are tools, by globs of their names. Default: all. Example: `["list_*"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "globs")]
    pub include: Vec<String>,

    /// Those that are not. Default: none. Example: `["delete_*"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "globs")]
    pub exclude: Vec<String>,

    /// How long a request may take. Default: `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timeout")]
    pub timeout: Option<GoDuration>,
}

/// Where a document comes from.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentSource {
    /// A key of a ConfigMap in the Agent's namespace.
    pub config_map_key_ref: KeyRef,
}
