//! Writing status: only what changed, and never twice because a watch lags behind.

use kube::api::{Api, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// The status that we wrote last, and the version of the object that this made.
#[derive(Debug, Clone)]
pub(crate) struct Written<S> {
    pub(crate) version: Option<String>,
    pub(crate) status: S,
}

/// The newest status known: the one in the object, unless the object is older than our last write.
pub(crate) fn newest<S: Clone + Default>(version: Option<&str>, stored: Option<&S>, written: Option<&Written<S>>) -> S {
    match written {
        Some(written) if older(version, written.version.as_deref()) => written.status.clone(),
        _ => stored.cloned().unwrap_or_default(),
    }
}

/// Versions of one kind are numbers that rise. Where they are not, nothing is taken for old.
pub(crate) fn older(version: Option<&str>, than: Option<&str>) -> bool {
    let number = |text: Option<&str>| text?.parse::<u128>().ok();
    matches!((number(version), number(than)), (Some(a), Some(b)) if a < b)
}

/// Puts a status in the place of the one before. Bound to the UID: a namesake made since keeps its own.
pub(crate) async fn write<K, S>(api: &Api<K>, object: &K, manager: &str, status: &S) -> Result<Written<S>, kube::Error>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + std::fmt::Debug,
    S: Serialize + Clone,
{
    let name = object.name_any();
    let patch = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"name": name, "uid": object.uid()},
        "status": status,
    });
    let params = PatchParams::apply(manager).force();
    let stored = api.patch_status(&name, &params, &Patch::Apply(patch)).await?;
    Ok(Written { version: stored.resource_version(), status: status.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_last_write_counts_until_the_watch_has_caught_up() {
        let written = Written { version: Some("10".into()), status: 7 };
        assert_eq!(newest(Some("9"), Some(&1), Some(&written)), 7);
        assert_eq!(newest(Some("10"), Some(&1), Some(&written)), 1);
        assert_eq!(newest(Some("11"), None, Some(&written)), 0);
        assert_eq!(newest(Some("9"), Some(&1), None), 1);
    }
}
