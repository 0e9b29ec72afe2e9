//! Prompts: one for each agent, by which a user hands it something to do. Instructions of an agent are no prompt: they are its own.

use rmcp::model::{ErrorData, GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};
use serde_json::Value;

use crate::agent::ServedAgent;

const REQUEST: &str = "request";

/// The prompt for an agent that is a tool of this name.
pub(super) fn describe(name: &str, agent: &ServedAgent) -> Prompt {
    let request = PromptArgument::new(REQUEST).with_description("What it is to do, in your words.").with_required(true);
    Prompt::new(name, Some(format!("Has the agent {} do something.", agent.config().name)), Some(vec![request]))
}

/// What the user says then to the client's model.
pub(super) fn get(name: &str, agent: &ServedAgent, arguments: Option<&JsonObject>) -> Result<GetPromptResult, ErrorData> {
    let request = arguments.and_then(|arguments| arguments.get(REQUEST)).and_then(Value::as_str);
    let request = request.ok_or_else(|| ErrorData::invalid_params(format!("the prompt needs the argument `{REQUEST}`"), None))?;
    let config = agent.config();
    let mut text = format!("Call the tool `{name}` to have this done:\n\n{request}\n\n");
    if let Some(description) = &config.description {
        text.push_str(&format!("The tool is an agent: {description}\n"));
    }
    if let Some(goal) = &config.goal {
        text.push_str(&format!("It works until this is reached: {}\n", goal.text));
    }
    text.push_str("It sees nothing of this conversation, so tell it all that it has to know. Then tell me what it answered.");
    Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]))
}
