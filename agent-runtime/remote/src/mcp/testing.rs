//! What an MCP server says of its tools, judged without a server: for tests from outside that have many listings to judge.

use rmcp::model::Tool as Announced;
use serde_json::Value;
use skreaver_detect::Content;
use skreaver_protocol::ToolName;

use super::choice::Choice;
use super::listing::list;

/// A tool that is taken: its name, what models are told of it, and the schema of its arguments.
pub type Taken = (ToolName, String, Value);

/// The tools of a listing that an agent may have, and which are left out and why.
///
/// # Errors
/// Why the globs are none, or the listing is none of MCP.
pub fn listed(
    source: &ToolName,
    include: &[String],
    exclude: &[String],
    tools: &Value,
) -> Result<(Vec<Taken>, Vec<String>), String> {
    let choice = Choice::compile(include, exclude)?;
    let announced: Vec<Announced> = serde_json::from_value(tools.clone()).map_err(|error| error.to_string())?;
    let listing = list(source, &choice, Content::all(), &announced);
    let taken = listing.tools.into_iter().map(|tool| (tool.name, tool.description, tool.input_schema));
    Ok((taken.collect(), listing.left_out))
}
