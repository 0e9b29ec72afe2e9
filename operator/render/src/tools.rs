//! The tools of an Agent, from its spec to what its runtime is told.

use skreaver_crds::agent::{
    Agent, AgentTool, DocumentSource, EnvVar, Header, HeaderValue, HttpTool, KeyRef, McpLink, McpTool, OAuth, OpenApiTool,
    PeerAgent, ToolType,
};
use skreaver_crds::condition::Reason;
use skreaver_protocol::config::{
    AgentToolConfig, ClientCredentials, HeaderConfig, HttpToolConfig, McpConfig, McpServer, OpenApiConfig, SecretSource,
    ToolConfig, ToolSource,
};
use skreaver_protocol::{API_PORT, AgentName, Builtin, GoDuration, ToolName};

use crate::judge::schema_problem;
use crate::resolve::{Found, Unresolved};
use crate::runtime_config::Locations;
use crate::secrets::{client_secret, header_value, peer_token};

/// The longest OpenAPI document, in bytes.
const LONGEST_DOCUMENT: usize = 256 << 10;
/// The longest that all of an agent's are together, so that they fit into its ConfigMap beside its policies.
const LONGEST_DOCUMENTS: usize = 384 << 10;
/// How long a call may take.
const USUAL_TIMEOUT: GoDuration = GoDuration::from_secs(30);

/// The tools, with the documents in the place of their names; what is missing or cannot be meant is told.
pub(crate) fn resolve_tools(agent: &Agent, found: &Found, missing: &mut Vec<Unresolved>) -> Vec<ResolvedTool> {
    let mut tools = Vec::with_capacity(agent.spec.tools.len());
    for (index, tool) in agent.spec.tools.iter().enumerate() {
        match resolve_tool(&format!("spec.tools[{index}]"), tool, found) {
            Ok(source) => tools.extend(ToolName::parse(&tool.name).map(|name| ResolvedTool {
                index,
                name,
                required: tool.required.unwrap_or(true),
                source,
            })),
            Err(problem) => missing.push(problem),
        }
    }
    let total: usize = tools.iter().map(ResolvedTool::document_size).sum();
    if total > LONGEST_DOCUMENTS {
        let message =
            format!("spec.tools: the OpenAPI documents have {total} bytes together; shorten them to {LONGEST_DOCUMENTS}");
        missing.push(Unresolved { reason: Reason::TooLarge, message });
    }
    tools
}

/// A tool of which everything that it names exists.
#[derive(Debug, Clone)]
pub struct ResolvedTool {
    /// Where it stands in the spec.
    index: usize,
    /// Its name.
    pub name: ToolName,
    required: bool,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    Builtin,
    Http(HttpTool),
    OpenApi { tool: OpenApiTool, document: String },
    Mcp { tool: McpTool, server: Server },
    Agent { tool: PeerAgent, name: AgentName },
}

#[derive(Debug, Clone)]
enum Server {
    Url(String),
    Command(String),
}

impl ResolvedTool {
    /// The tool of the image that this is, if it is one.
    pub fn builtin(&self) -> Option<Builtin> {
        matches!(self.source, Source::Builtin).then(|| Builtin::from_name(self.name.as_str())).flatten()
    }

    fn document_size(&self) -> usize {
        if let Source::OpenApi { document, .. } = &self.source { document.len() } else { 0 }
    }
}

fn resolve_tool(path: &str, tool: &AgentTool, found: &Found) -> Result<Source, Unresolved> {
    let AgentTool { name, source, required: _, http, openapi, mcp, agent } = tool;
    let unset = |field| Unresolved { reason: Reason::Malformed, message: format!("{path}: set {field} for a tool of this type") };
    match source {
        ToolType::Builtin => builtin(path, name),
        ToolType::Http => http_tool(path, http.as_ref().ok_or_else(|| unset("http"))?),
        ToolType::OpenApi => open_api(path, openapi.as_ref().ok_or_else(|| unset("openapi"))?, found),
        ToolType::Mcp => mcp_tool(path, mcp.as_ref().ok_or_else(|| unset("mcp"))?, found),
        ToolType::Agent => peer(path, agent.as_ref().ok_or_else(|| unset("agent"))?, found),
    }
}

fn builtin(path: &str, name: &str) -> Result<Source, Unresolved> {
    if Builtin::from_name(name).is_some() {
        return Ok(Source::Builtin);
    }
    let known = Builtin::ALL.map(Builtin::name).join(", ");
    let message = format!("{path}: no built-in tool is named `{name}`; there are {known}");
    Err(Unresolved { reason: Reason::ToolNotFound, message })
}

fn http_tool(path: &str, tool: &HttpTool) -> Result<Source, Unresolved> {
    for (field, schema) in [("inputSchema", &tool.input_schema), ("outputSchema", &tool.output_schema)] {
        if let Some(what) = schema.as_ref().and_then(|schema| schema_problem(schema).err()) {
            return Err(Unresolved { reason: Reason::InvalidToolSchema, message: format!("{path}.http.{field}: {what}") });
        }
    }
    Ok(Source::Http(tool.clone()))
}

fn open_api(path: &str, tool: &OpenApiTool, found: &Found) -> Result<Source, Unresolved> {
    let DocumentSource { config_map_key_ref: KeyRef { name, key } } = &tool.document_from;
    let path = format!("{path}.openapi.documentFrom.configMapKeyRef");
    let missing = |what: String| Unresolved { reason: Reason::ConfigMapNotFound, message: format!("{path}: {what}") };
    let data = found.config_maps.get(name).ok_or_else(|| missing(format!("ConfigMap `{name}` does not exist; create it")))?;
    let text = data.get(key).ok_or_else(|| missing(format!("ConfigMap `{name}` has no key `{key}`; add it")))?;
    if text.len() > LONGEST_DOCUMENT {
        let size = text.len();
        let message = format!("{path}: key `{key}` of ConfigMap `{name}` has {size} bytes; shorten it to {LONGEST_DOCUMENT}");
        return Err(Unresolved { reason: Reason::TooLarge, message });
    }
    Ok(Source::OpenApi { tool: tool.clone(), document: text.clone() })
}

fn mcp_tool(path: &str, tool: &McpTool, found: &Found) -> Result<Source, Unresolved> {
    let server = match tool.link() {
        Some(McpLink::Url(url)) => Server::Url(url.to_owned()),
        Some(McpLink::Command(_)) if found.is_cluster() => {
            let message = format!(
                "{path}.mcp.command: the pods of agents run no programs of yours; serve it over streamable HTTP and set url, or use `skreaver run`"
            );
            return Err(Unresolved { reason: Reason::CommandInCluster, message });
        }
        Some(McpLink::Command(command)) => Server::Command(command.to_owned()),
        None => return Err(Unresolved { reason: Reason::Malformed, message: format!("{path}.mcp: set url or command") }),
    };
    Ok(Source::Mcp { tool: tool.clone(), server })
}

fn peer(path: &str, tool: &PeerAgent, found: &Found) -> Result<Source, Unresolved> {
    if !found.agents.contains_key(&tool.name) {
        let message = format!("{path}.agent.name: Agent `{}` does not exist in this namespace; create it", tool.name);
        return Err(Unresolved { reason: Reason::AgentNotFound, message });
    }
    let bad = |error| Unresolved { reason: Reason::Malformed, message: format!("{path}.agent.name: {error}") };
    Ok(Source::Agent { name: AgentName::parse(&tool.name).map_err(bad)?, tool: tool.clone() })
}

/// What the runtime is told of a tool. In a cluster an agent of this namespace has an address; elsewhere it is in the same process.
pub(crate) fn tool_config(tool: &ResolvedTool, namespace: Option<&str>, locations: &Locations) -> ToolConfig {
    let ResolvedTool { index, name, required, source } = tool;
    let headers = |wanted: &[Header]| headers(*index, wanted, locations);
    let source = match source {
        Source::Builtin => ToolSource::Builtin,
        Source::Http(tool) => ToolSource::Http(HttpToolConfig {
            description: tool.description.clone(),
            method: tool.method,
            url: tool.url.clone(),
            headers: headers(&tool.headers),
            input_schema: tool.input_schema.clone(),
            output_schema: tool.output_schema.clone(),
            timeout: tool.timeout.unwrap_or(USUAL_TIMEOUT),
        }),
        Source::OpenApi { tool, document } => ToolSource::OpenApi(OpenApiConfig {
            document: document.clone(),
            server: Some(tool.server.clone()),
            headers: headers(&tool.headers),
            include: tool.include.clone(),
            exclude: tool.exclude.clone(),
            timeout: tool.timeout.unwrap_or(USUAL_TIMEOUT),
        }),
        Source::Mcp { tool, server } => ToolSource::Mcp(McpConfig {
            server: mcp_server(*index, tool, server, locations),
            include: tool.include.clone(),
            exclude: tool.exclude.clone(),
            pin: tool.pin,
            timeout: tool.timeout.unwrap_or(USUAL_TIMEOUT),
        }),
        Source::Agent { tool, name } => ToolSource::Agent(AgentToolConfig {
            agent: name.clone(),
            description: tool.description.clone(),
            url: namespace.map(|namespace| format!("http://{name}.{namespace}.svc:{API_PORT}")),
            token: namespace.map(|_| locations.secret(&peer_token(name))),
            timeout: tool.timeout.unwrap_or(USUAL_TIMEOUT),
        }),
    };
    ToolConfig { name: name.clone(), required: *required, source }
}

fn headers(tool: usize, wanted: &[Header], locations: &Locations) -> Vec<HeaderConfig> {
    let header = |(index, header): (usize, &Header)| {
        let name = header.name.clone();
        match header.wanted() {
            HeaderValue::Plain(value) => HeaderConfig { name, value: Some(value.to_owned()), secret: None },
            HeaderValue::Secret(_) => {
                HeaderConfig { name, value: None, secret: Some(locations.secret(&header_value(tool, index))) }
            }
        }
    };
    wanted.iter().enumerate().map(header).collect()
}

fn mcp_server(index: usize, tool: &McpTool, server: &Server, locations: &Locations) -> McpServer {
    match server {
        Server::Url(url) => McpServer::Http {
            url: url.clone(),
            headers: headers(index, &tool.headers, locations),
            oauth: tool.oauth.as_ref().map(|oauth| credentials(oauth, locations.secret(&client_secret(index)))),
        },
        Server::Command(command) => McpServer::Command {
            command: command.clone(),
            args: tool.args.clone(),
            env: tool.env.iter().map(|EnvVar { name, value }| (name.clone(), value.clone())).collect(),
        },
    }
}

fn credentials(wanted: &OAuth, client_secret: SecretSource) -> ClientCredentials {
    let OAuth { token_url, client_id, client_secret: _, scopes, resource } = wanted;
    ClientCredentials {
        token_url: token_url.clone(),
        client_id: client_id.clone(),
        client_secret,
        scopes: scopes.clone(),
        resource: resource.clone(),
    }
}
