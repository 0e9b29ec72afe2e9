//! The agents of the process as models.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use skreaver_protocol::auth::Permission;

use crate::http::extract::AgentOfPath;
use crate::http::{App, Asker};

pub(super) async fn list(State(app): State<App>, asker: Asker) -> Json<Value> {
    let agents = app.runtime.agents();
    let names = agents.iter().map(|agent| &agent.config().name);
    let readable = names.filter(|name| asker.may(name, Permission::Read).is_ok());
    let models: Vec<_> = readable.map(|name| model(name.as_str())).collect();
    Json(json!({ "object": "list", "data": models }))
}

pub(super) async fn one(AgentOfPath(agent): AgentOfPath) -> Json<Value> {
    Json(model(agent.config().name.as_str()))
}

/// When it was made is not known here, and said to be 1970.
fn model(name: &str) -> Value {
    json!({ "id": name, "object": "model", "created": 0, "owned_by": "skreaver" })
}
