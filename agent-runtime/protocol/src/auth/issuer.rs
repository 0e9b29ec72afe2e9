//! Who issues tokens, and how a caller is read out of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::GoDuration;

/// The most by which an issuer's clock may differ from ours.
pub const LONGEST_LEEWAY: GoDuration = GoDuration::from_secs(300);

/// An issuer of tokens (JWT, RFC 7519), and what of them is taken.
// The same type stands in the CRD, so the schema carries list types and rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self.kind == 'OIDC' || !(has(self.username) || has(self.groups))",
    "message": "username and groups are for issuers of kind OIDC: tokens of Kubernetes name a ServiceAccount, and nobody else",
}]))]
pub struct TokenIssuer {
    /// `Kubernetes`: tokens of ServiceAccounts. `OIDC`: tokens of an OpenID provider.
    pub kind: IssuerKind,
    /// The issuer exactly as its tokens name it in `iss`. Example: `https://id.example.com/realms/quarry`.
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^https?://[^\s?#@]+$"))]
    pub url: String,
    /// A token has to be for one of these. Example: `[amber]`.
    #[schemars(length(min = 1, max = 8), inner(length(min = 1, max = 256)), extend("x-kubernetes-list-type" = "set"))]
    pub audiences: Vec<String>,
    /// The claim that says what a caller is called. Absent: `sub`, as it is. A name may not begin with `system:`. Whose `claim` is
    /// `email` is taken only where the token says that the address is verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<ClaimName>,
    /// The claim with the groups of a caller, a list of texts or one text. Absent: they are in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<ClaimName>,
    /// How its tokens may be signed. Each key takes only what fits it. Default: `[RS256, ES256]`.
    #[serde(default = "usual")]
    #[schemars(length(min = 1, max = 9), extend("x-kubernetes-list-type" = "set"))]
    pub algorithms: Vec<Algorithm>,
    /// By how much its clock may differ from ours, at most `5m`. Default: `30s`.
    #[serde(default = "half_a_minute")]
    #[schemars(extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^([0-9]{1,9}(ms|s|m|h))+$') && duration(self) <= duration('5m')",
        "message": "write a duration of at most 5m",
    }]))]
    pub leeway: GoDuration,
}

fn usual() -> Vec<Algorithm> {
    vec![Algorithm::RS256, Algorithm::ES256]
}

fn half_a_minute() -> GoDuration {
    GoDuration::from_secs(30)
}

/// What an issuer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IssuerKind {
    /// A cluster, for its ServiceAccounts.
    Kubernetes,
    /// An OpenID provider.
    #[serde(rename = "OIDC")]
    Oidc,
}

/// A claim, and what is put before what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimName {
    /// The name of the claim. Example: `preferred_username`.
    #[schemars(length(min = 1, max = 256))]
    pub claim: String,
    /// Put before every name, so that those of several issuers differ. Default: nothing. Example: `corp:`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub prefix: String,
}

/// A way to sign with a key of which issuers publish only one half (RFC 7518, RFC 8037). `none`, and those with a shared secret,
/// cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Algorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    RS256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    RS384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    RS512,
    /// RSA PSS with SHA-256.
    PS256,
    /// RSA PSS with SHA-384.
    PS384,
    /// RSA PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}
