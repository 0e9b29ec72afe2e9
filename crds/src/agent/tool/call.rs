//! What requests to remote tools carry.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

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
