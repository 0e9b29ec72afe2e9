//! The ServiceAccount: who the pods are. It holds no token for the API server, which agents never speak to.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::metadata;
use crate::ResolvedAgent;

pub(crate) fn service_account(agent: &ResolvedAgent<'_>) -> ServiceAccount {
    ServiceAccount { metadata: metadata(agent), automount_service_account_token: Some(false), ..ServiceAccount::default() }
}
