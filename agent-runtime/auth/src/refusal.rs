//! Why somebody is not let in, or may not do what they ask: one word for labels, one sentence for the operator's log, and another
//! one for who asked, who may be an attacker.

use skreaver_protocol::auth::Permission;

use crate::shown::Shown;

/// Why somebody is not let in, or may not do what they ask.
///
/// `Display` is for the log of who runs the agent. It holds no credential and nothing that could break a line; what strangers
/// wrote stands in it only behind a signature that is good, or escaped and cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing says who asks.
    #[error("the request has no credential")]
    NoCredential,
    /// There are several credentials.
    #[error("the request has more than one credential")]
    SeveralCredentials,
    /// A header is no credential of a kind that is taken.
    #[error("the credential is neither `Authorization: Bearer` nor `X-API-Key`, or is not written as one is")]
    MalformedCredential,
    /// It is longer than any honest one.
    #[error("the token has more than {} bytes", crate::TOKEN_MAX)]
    TokenTooLong,
    /// It has not the three parts of a JWS, each in the one right spelling of base64url.
    #[error("the token is no JWT: {0}")]
    MalformedToken(&'static str),
    /// Its header says something that no honest one does.
    #[error("the header of the token is refused: {0}")]
    MalformedHeader(&'static str),
    /// What it says is no JSON object in which each name stands once, or a claim has not its form.
    #[error("the claims of the token are refused: {0}")]
    MalformedClaims(&'static str),
    /// It is signed in a way that is never taken: not at all, with a shared secret, or in one that is not known.
    #[error("the token is signed in a way that is never taken")]
    ForbiddenAlgorithm,
    /// It names no issuer of the configuration.
    #[error("no issuer {0} is configured")]
    UnknownIssuer(Shown),
    /// No keys of the issuer have arrived yet. Asking for them may help.
    #[error("there are no keys of the issuer {issuer} yet")]
    NoKeys {
        /// The issuer, as configured.
        issuer: String,
    },
    /// The issuer has no key of this name. Asking for its keys may help.
    #[error("the issuer {issuer} has no such key; its keys may be newer than those that are known")]
    UnknownKey {
        /// The issuer, as configured.
        issuer: String,
    },
    /// It names no key, and several of the issuer would fit.
    #[error("the token of the issuer {issuer} names no key, and there are several")]
    KeyNotNamed {
        /// The issuer, as configured.
        issuer: String,
    },
    /// It is signed in another way than its key or its issuer is for.
    #[error("the token is signed in a way that its key or its issuer {issuer} is not for")]
    WrongAlgorithm {
        /// The issuer, as configured.
        issuer: String,
    },
    /// The signature is not that of the key.
    #[error("the signature of the token is wrong for the key of the issuer {issuer}")]
    WrongSignature {
        /// The issuer, as configured.
        issuer: String,
    },
    /// It is for somebody else.
    #[error("the token is for {0}, and not for this agent")]
    WrongAudience(Shown),
    /// It was good.
    #[error("the token or key has expired")]
    Expired,
    /// It will be good.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It would be good for longer than any token should.
    #[error("the token is good for more than {} days", crate::LONGEST_LIFE.as_hours() / 24)]
    LivesTooLong,
    /// It is of a kind that lets nobody in.
    #[error("the token is of a kind that is for something else than asking an agent")]
    WrongKind,
    /// It does not say who the caller is, or not in a way that can be trusted.
    #[error("the token does not tell its caller: {0}")]
    NoCaller(&'static str),
    /// It calls its caller, or a group, what only Kubernetes may call somebody.
    #[error("the token has a name that begins with `system:`; configure a prefix for names of this issuer")]
    ReservedName,
    /// Nobody was given such a key.
    #[error("there is no such API key")]
    UnknownApiKey,
    /// The caller is known, and has no role that allows it.
    #[error("{caller} may not {} the agent {agent}: no role of theirs allows it", .permission.name())]
    Forbidden {
        /// Who.
        caller: Shown,
        /// With which agent.
        agent: String,
        /// What.
        permission: Permission,
    },
    /// It belongs to another caller.
    #[error("what {caller} asks the agent {agent} for belongs to another caller")]
    NotTheirs {
        /// Who.
        caller: Shown,
        /// Of which agent.
        agent: String,
    },
}

impl Refusal {
    /// One word: the label of metrics, and a field of the log.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NoCredential => "no_credential",
            Self::SeveralCredentials => "several_credentials",
            Self::MalformedCredential => "malformed_credential",
            Self::TokenTooLong => "token_too_long",
            Self::MalformedToken(_) => "malformed_token",
            Self::MalformedHeader(_) => "malformed_header",
            Self::MalformedClaims(_) => "malformed_claims",
            Self::ForbiddenAlgorithm => "forbidden_algorithm",
            Self::UnknownIssuer(_) => "unknown_issuer",
            Self::NoKeys { .. } => "no_keys",
            Self::UnknownKey { .. } => "unknown_key",
            Self::KeyNotNamed { .. } => "key_not_named",
            Self::WrongAlgorithm { .. } => "wrong_algorithm",
            Self::WrongSignature { .. } => "wrong_signature",
            Self::WrongAudience(_) => "wrong_audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::LivesTooLong => "lives_too_long",
            Self::WrongKind => "wrong_kind",
            Self::NoCaller(_) => "no_caller",
            Self::ReservedName => "reserved_name",
            Self::UnknownApiKey => "unknown_api_key",
            Self::Forbidden { .. } => "forbidden",
            Self::NotTheirs { .. } => "not_theirs",
        }
    }

    /// The HTTP status: 401 to who is not known, 403 to who may not, 404 to who asks for what is another's, as if it were not
    /// there, and 503 to whom it cannot be told yet.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Forbidden { .. } => 403,
            Self::NotTheirs { .. } => 404,
            Self::NoKeys { .. } => 503,
            Self::NoCredential
            | Self::SeveralCredentials
            | Self::MalformedCredential
            | Self::TokenTooLong
            | Self::MalformedToken(_)
            | Self::MalformedHeader(_)
            | Self::MalformedClaims(_)
            | Self::ForbiddenAlgorithm
            | Self::UnknownIssuer(_)
            | Self::UnknownKey { .. }
            | Self::KeyNotNamed { .. }
            | Self::WrongAlgorithm { .. }
            | Self::WrongSignature { .. }
            | Self::WrongAudience(_)
            | Self::Expired
            | Self::NotYetValid
            | Self::LivesTooLong
            | Self::WrongKind
            | Self::NoCaller(_)
            | Self::ReservedName
            | Self::UnknownApiKey => 401,
        }
    }

    /// The issuer whose keys are to be asked for. The request may wait for them, and is then judged once more.
    pub fn wants_keys_of(&self) -> Option<&str> {
        let (Self::NoKeys { issuer } | Self::UnknownKey { issuer }) = self else { return None };
        Some(issuer)
    }

    /// What who asked is told. Who has no good signature learns nothing of keys, issuers or what was nearly right.
    pub const fn told(&self) -> &'static str {
        match self {
            Self::NoCredential => "send a bearer token or an API key",
            Self::SeveralCredentials => "send one credential",
            Self::Expired => "the credential has expired",
            Self::NotYetValid => "the credential is not valid yet",
            Self::WrongAudience(_) => "the token is for another audience",
            Self::NoKeys { .. } => "tokens cannot be judged yet; try again",
            Self::Forbidden { .. } => "no role of yours allows this",
            Self::NotTheirs { .. } => "there is no such thing",
            // Also whatever is added here later.
            _ => "the credential is not accepted",
        }
    }

    /// The header `WWW-Authenticate` (RFC 6750), where one belongs to the answer.
    pub fn challenge(&self) -> Option<String> {
        let told = self.told();
        match (self, self.status()) {
            (Self::NoCredential, _) => Some(r#"Bearer realm="skreaver""#.to_owned()),
            (Self::Forbidden { permission, .. }, _) => Some(format!(
                r#"Bearer realm="skreaver", error="insufficient_scope", error_description="{told}", scope="{}""#,
                permission.name()
            )),
            (_, 401) => Some(format!(r#"Bearer realm="skreaver", error="invalid_token", error_description="{told}""#)),
            _ => None,
        }
    }
}
