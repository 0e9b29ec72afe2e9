//! What remote tools of several types have alike: the headers of requests, how long a call takes, and a choice by globs.

use kube::KubeSchema;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::DURATION;
use super::super::reference::SecretKeySource;

/// A header of every request. Its value stands here or in a Secret.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.value) != has(self.valueFrom)")
        .message("set value or valueFrom, one of the two")
)]
pub struct Header {
    /// Its name. Example: `Authorization`.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(
        validation = Rule::new("self.matches('^[A-Za-z0-9-]+$')")
            .message("write the name of a header: letters, digits and '-'"),
        validation = Rule::new("!self.matches('^(?i)(host|content-length|transfer-encoding|connection|upgrade|te|trailer)$')")
            .message("this header belongs to the connection: the agent sets it itself")
    )]
    pub name: String,

    /// Its value. For what is no secret. Example: `application/json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    #[x_kube(
        validation = Rule::new("self.matches('^[ -~]*$')")
            .message("write a value of printable ASCII characters")
    )]
    pub value: Option<String>,

    /// Where its value is found. A changed Secret is in force within a minute or so, without a restart.
    /// Example: `{secretKeyRef: {name: shop, key: authorization}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<SecretKeySource>,
}

/// The one place where the value of a header is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderValue<'a> {
    /// It stands in the Agent.
    Plain(&'a str),
    /// It stands in a Secret.
    Secret(&'a SecretKeySource),
}

impl Header {
    /// Its value; a Secret wins over a plain text, which the schema does not let stand beside it.
    pub fn wanted(&self) -> HeaderValue<'_> {
        match &self.value_from {
            Some(secret) => HeaderValue::Secret(secret),
            None => HeaderValue::Plain(self.value.as_deref().unwrap_or_default()),
        }
    }
}

/// How long a call may take.
pub(super) fn timeout(_: &mut SchemaGenerator) -> Schema {
    let message = "write timeout as whole numbers with the units h, m, s and ms, from 1ms to 24h, such as 90s";
    let rule = json!({"rule": DURATION, "message": message});
    json_schema!({"type": "string", "nullable": true, "maxLength": 32, "x-kubernetes-validations": [rule]})
}

/// Headers, each once: a name in other letters is the same name.
pub(super) fn headers(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = generator.subschema_for::<Vec<Header>>();
    let rule = "self.all(one, self.exists_one(other, other.name.lowerAscii() == one.name.lowerAscii()))";
    let message = "write each header once: upper and lower case are the same in their names";
    schema.insert("x-kubernetes-validations".into(), json!([{"rule": rule, "message": message}]));
    schema.insert("maxItems".into(), 16.into());
    schema.insert("x-kubernetes-list-type".into(), "map".into());
    schema.insert("x-kubernetes-list-map-keys".into(), json!(["name"]));
    schema
}

/// A choice by globs of names.
pub(super) fn globs(_: &mut SchemaGenerator) -> Schema {
    let glob = json!({"type": "string", "minLength": 1, "maxLength": 128});
    json_schema!({"type": "array", "maxItems": 64, "x-kubernetes-list-type": "set", "items": glob})
}
