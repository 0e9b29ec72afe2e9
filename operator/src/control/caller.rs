//! Who is on the other end of a stream, as the API server tells of its token. There is no shared key.

use axum::http::StatusCode;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use skreaver_protocol::control::AUDIENCE;

use crate::agent::AgentKey;

/// A pod, and the Agent for which it may speak: the one whose name its ServiceAccount carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) agent: AgentKey,
    pub(crate) pod: String,
}

/// Why nobody is let in. It never says what the token was.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("send a ServiceAccount token of audience `{AUDIENCE}` as bearer")]
    Unauthenticated,
    #[error("the token is not that of a pod of an Agent")]
    Forbidden,
    #[error("the API server did not review the token")]
    Unavailable,
}

impl Refusal {
    pub(crate) fn code(&self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Asks the API server whose token this is.
pub(crate) async fn review(client: &Client, token: &str) -> Result<Caller, Refusal> {
    let review = TokenReview {
        metadata: ObjectMeta::default(),
        spec: TokenReviewSpec { token: Some(token.to_owned()), audiences: Some(vec![AUDIENCE.into()]) },
        status: None,
    };
    let answer = Api::<TokenReview>::all(client.clone()).create(&PostParams::default(), &review).await;
    let answer = answer.map_err(|error| {
        tracing::warn!(%error, "failed to review a token");
        Refusal::Unavailable
    })?;
    caller(&answer.status.unwrap_or_default())
}

fn caller(status: &TokenReviewStatus) -> Result<Caller, Refusal> {
    let audiences = status.audiences.as_deref().unwrap_or_default();
    if status.authenticated != Some(true) || !audiences.iter().any(|audience| audience == AUDIENCE) {
        return Err(Refusal::Unauthenticated);
    }
    let user = status.user.as_ref().ok_or(Refusal::Unauthenticated)?;
    let account = user.username.as_deref().and_then(|name| name.strip_prefix("system:serviceaccount:"));
    let (namespace, name) = account.and_then(|account| account.split_once(':')).ok_or(Refusal::Forbidden)?;
    let extra = |key: &str| user.extra.as_ref()?.get(key)?.first().cloned();
    // Only a token that is bound to a pod names one, and is worth nothing once the pod is gone.
    let pod = extra("authentication.kubernetes.io/pod-name").ok_or(Refusal::Forbidden)?;
    let uid = extra("authentication.kubernetes.io/pod-uid").ok_or(Refusal::Forbidden)?;
    if uid.is_empty() {
        return Err(Refusal::Forbidden);
    }
    Ok(Caller { agent: (namespace.to_owned(), name.to_owned()), pod })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn check(change: impl FnOnce(&mut Value), expected: Result<&str, Refusal>) {
        let mut status = json!({"authenticated": true, "audiences": [AUDIENCE], "user": {
            "username": "system:serviceaccount:quarry:chalk",
            "extra": {"authentication.kubernetes.io/pod-name": ["chalk-1"], "authentication.kubernetes.io/pod-uid": ["u"]}}});
        change(&mut status);
        let caller = caller(&serde_json::from_value(status).unwrap());
        assert_eq!(caller.map(|it| format!("{}/{} {}", it.agent.0, it.agent.1, it.pod)), expected.map(ToOwned::to_owned));
    }

    #[test]
    fn a_pod_speaks_for_the_agent_of_its_service_account() {
        check(|_| {}, Ok("quarry/chalk chalk-1"));
    }

    #[test]
    fn everybody_else_is_refused() {
        check(|status| status["authenticated"] = json!(false), Err(Refusal::Unauthenticated));
        check(|status| status["audiences"] = json!(["https://kubernetes.default.svc"]), Err(Refusal::Unauthenticated));
        check(|status| status["audiences"] = Value::Null, Err(Refusal::Unauthenticated));
        check(|status| status["user"]["username"] = json!("admin"), Err(Refusal::Forbidden));
        check(|status| status["user"]["extra"] = Value::Null, Err(Refusal::Forbidden));
    }
}
