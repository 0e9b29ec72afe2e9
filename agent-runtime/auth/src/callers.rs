//! Who a caller is, out of claims that are known to be the issuer's.

use serde_json::Value;
use skreaver_protocol::Caller;
use skreaver_protocol::auth::{ClaimName, IssuerKind, TokenIssuer};

use crate::refusal::Refusal;
use crate::token::{Claims, texts};

/// What only Kubernetes may put before a name.
const RESERVED: &str = "system:";
/// The longest name of a caller or group, in bytes.
const NAME_MAX: usize = 256;

pub(crate) fn caller(issuer: &TokenIssuer, claims: &Claims) -> Result<Caller, Refusal> {
    match issuer.kind {
        IssuerKind::Kubernetes => service_account(issuer, claims),
        IssuerKind::Oidc => user(issuer, claims),
    }
}

/// What a token of Kubernetes tells twice has to be the same twice.
fn service_account(issuer: &TokenIssuer, claims: &Claims) -> Result<Caller, Refusal> {
    let text = |pointer: &str| claims.get("kubernetes.io").and_then(|own| own.pointer(pointer)).and_then(Value::as_str);
    let (Some(namespace), Some(name)) = (text("/namespace"), text("/serviceaccount/name")) else {
        return Err(Refusal::NoCaller("it names no ServiceAccount in `kubernetes.io`"));
    };
    if !is_dns(namespace, 63, false) || !is_dns(name, 253, true) {
        return Err(Refusal::NoCaller("its ServiceAccount has a name that Kubernetes gives to none"));
    }
    let caller = Caller::ServiceAccount { issuer: issuer.url.clone(), namespace: namespace.into(), name: name.into() };
    if claims.text("sub") == Some(&*caller.name()) {
        Ok(caller)
    } else {
        Err(Refusal::NoCaller("`sub` is not the ServiceAccount in `kubernetes.io`"))
    }
}

/// Whether a name is a DNS label (RFC 1123), or with `dots` several of them.
fn is_dns(name: &str, most: usize, dots: bool) -> bool {
    let is_label = |label: &str| {
        let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= most && (dots || !name.contains('.')) && name.split('.').all(is_label)
}

fn user(issuer: &TokenIssuer, claims: &Claims) -> Result<Caller, Refusal> {
    let subject = claims.text("sub").ok_or(Refusal::NoCaller("there is no `sub`"))?.to_owned();
    let name = match &issuer.username {
        None => named(&subject, "")?,
        Some(ClaimName { claim, prefix }) => {
            // Who may choose an address and need not prove it would be whoever has that address.
            if claim == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
                return Err(Refusal::NoCaller("its `email` is not verified"));
            }
            named(claims.text(claim).ok_or(Refusal::NoCaller("the claim of the name is no text"))?, prefix)?
        }
    };
    let groups = match &issuer.groups {
        Some(ClaimName { claim, prefix }) if claims.get(claim).is_some() => {
            let groups = texts(claims.get(claim)).ok_or(Refusal::NoCaller("the claim of the groups is no list of texts"))?;
            groups.iter().map(|group| named(group, prefix)).collect::<Result<_, _>>()?
        }
        Some(_) | None => Vec::new(),
    };
    Ok(Caller::User { issuer: issuer.url.clone(), subject, name, groups })
}

/// A name with its prefix, if people can be shown it and it is none of Kubernetes.
fn named(name: &str, prefix: &str) -> Result<String, Refusal> {
    let full = format!("{prefix}{name}");
    if full.starts_with(RESERVED) {
        return Err(Refusal::ReservedName);
    }
    if full.len() > NAME_MAX || full.chars().any(char::is_control) {
        return Err(Refusal::NoCaller("a name is too long or has control characters"));
    }
    Ok(full)
}
