//! The prompts of the suite.

use rmcp::model::{ErrorData, GetPromptRequestParams, GetPromptResponse, GetPromptResult, InputRequiredResult};
use serde_json::{Value, json};

use super::questions::{question, word};
use super::{Asked, PNG, made, result};

/// All that is listed.
pub(super) fn all() -> Vec<Value> {
    let prompt = |(name, arguments): (&str, &[&str])| {
        let argument = |name: &&str| json!({ "name": name, "required": true });
        json!({ "name": name, "description": "Of the suite.", "arguments": arguments.iter().map(argument).collect::<Vec<_>>() })
    };
    let prompts: [(&str, &[&str]); 5] = [
        ("test_simple_prompt", &[]),
        ("test_prompt_with_arguments", &["arg1", "arg2"]),
        ("test_prompt_with_embedded_resource", &["resourceUri"]),
        ("test_prompt_with_image", &[]),
        ("test_input_required_result_prompt", &[]),
    ];
    prompts.map(prompt).to_vec()
}

pub(super) fn get(request: GetPromptRequestParams) -> Asked<GetPromptResponse> {
    let given = json!(request.arguments);
    let said = |text: String| json!({ "role": "user", "content": { "type": "text", "text": text } });
    let messages = match request.name.as_str() {
        "test_simple_prompt" => json!([said("This is a simple prompt for testing.".to_owned())]),
        "test_prompt_with_arguments" => {
            let argument = |name: &str| given[name].as_str().unwrap_or_default().to_owned();
            json!([said(format!("Prompt with arguments: arg1='{}', arg2='{}'", argument("arg1"), argument("arg2")))])
        }
        "test_prompt_with_embedded_resource" => {
            let resource = json!({ "uri": given["resourceUri"], "mimeType": "text/plain", "text": "Embedded resource content for testing." });
            json!([
                { "role": "user", "content": { "type": "resource", "resource": resource } },
                said("Please process the embedded resource above.".to_owned())
            ])
        }
        "test_prompt_with_image" => json!([
            { "role": "user", "content": { "type": "image", "data": PNG, "mimeType": "image/png" } },
            said("Please analyze the image above.".to_owned())
        ]),
        "test_input_required_result_prompt" if request.input_responses.is_none() => {
            let (properties, required) = word("context");
            let asked = json!({ "user_context": question("What context should the prompt use?", properties, required) });
            let asked = json!({ "resultType": "input_required", "inputRequests": asked });
            return Ok(made::<InputRequiredResult>(asked)?.into());
        }
        "test_input_required_result_prompt" => json!([said("The context is known.".to_owned())]),
        unknown => return Err(ErrorData::invalid_params(format!("no prompt is named `{unknown}`"), None)),
    };
    Ok(result::<GetPromptResult>(json!({ "messages": messages }))?.into())
}
