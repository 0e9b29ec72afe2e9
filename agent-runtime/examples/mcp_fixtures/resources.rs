//! The resources of the suite.

use rmcp::model::{ErrorData, ReadResourceResponse, ReadResourceResult};
use serde_json::{Value, json};

use super::{Asked, PNG, result};

/// All that is listed.
pub(super) fn all() -> Vec<Value> {
    let resource = |name| json!({ "uri": format!("test://{name}"), "name": name });
    ["static-text", "static-binary", "watched-resource"].map(resource).to_vec()
}

pub(super) fn read(uri: &str) -> Asked<ReadResourceResponse> {
    let id = uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
    let content = match (uri, id) {
        ("test://static-text", _) => {
            json!({ "uri": uri, "mimeType": "text/plain", "text": "This is the content of the static text resource." })
        }
        ("test://static-binary", _) => json!({ "uri": uri, "mimeType": "image/png", "blob": PNG }),
        ("test://watched-resource", _) => json!({ "uri": uri, "mimeType": "text/plain", "text": "Watched." }),
        (_, Some(id)) => {
            let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
            json!({ "uri": uri, "mimeType": "application/json", "text": data.to_string() })
        }
        _ => return Err(ErrorData::resource_not_found("there is no such resource", Some(json!({ "uri": uri })))),
    };
    Ok(result::<ReadResourceResult>(json!({ "contents": [content] }))?.into())
}
