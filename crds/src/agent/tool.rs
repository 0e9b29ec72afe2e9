//! The tools that an agent may use.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One tool of an agent.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentTool {
    /// The name under which callers and policies know the tool; for a Builtin one its name in the image.
    /// Example: `uppercase`.
    #[schemars(length(max = 63))]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z][a-z0-9_-]*$')")
            .message("write a tool name of lower-case letters, digits, '-' and '_', starting with a letter")
    )]
    pub name: String,

    /// Where the tool comes from. `Builtin`: the runtime image itself, which has for texts `uppercase`, `lowercase`, `reverse`,
    /// `split`, `analyze` and `search`; for numbers `add`, `subtract`, `multiply` and `divide`, all exact; for documents
    /// `json_parse`, `json_format`, `json_query`, `json_transform`, `xml_parse` and `html_to_text`; `base64_encode`,
    /// `base64_decode`, `hash` and `time`; and `remember` and `recall` for an agent with memory.
    #[serde(rename = "type")]
    pub source: ToolType,
}

/// Where a tool comes from.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToolType {
    /// The runtime image itself, by the tool's name.
    Builtin,
}
