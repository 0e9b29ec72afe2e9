//! A watch: what it saw is in a store, and each thing it touched is told on.

use std::fmt::Debug;
use std::hash::Hash;
use std::time::Duration;

use futures::{Stream, StreamExt, future};
use kube::api::Api;
use kube::core::ObjectMeta;
use kube::runtime::reflector::Store;
use kube::runtime::reflector::store::Writer;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

/// Watches into a store. `prune` drops what nobody reads, so that the store stays small.
pub(crate) fn stored<K>(
    api: Api<K>,
    config: watcher::Config,
    kind: K::DynamicType,
    prune: fn(&mut K),
) -> (Store<K>, impl Stream<Item = K> + Send)
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    K::DynamicType: Eq + Hash + Clone + Send + Sync,
{
    let what = K::plural(&kind).into_owned();
    let writer = Writer::new(kind);
    let store = writer.as_reader();
    let events = watcher(api, config).default_backoff().modify(prune).reflect(writer).touched_objects();
    (store, events.filter_map(move |touched| future::ready(logged(touched, &what))))
}

/// Watches without keeping anything: for what only wakes somebody up.
pub(crate) fn passing<K>(api: Api<K>, config: watcher::Config, kind: &K::DynamicType) -> impl Stream<Item = K> + Send + use<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let what = K::plural(kind).into_owned();
    let events = watcher(api, config).default_backoff().touched_objects();
    events.filter_map(move |touched| future::ready(logged(touched, &what)))
}

/// A broken watch is taken up again by itself, with backoff.
fn logged<K>(touched: watcher::Result<K>, what: &str) -> Option<K> {
    touched.inspect_err(|error| tracing::warn!(what, %error, "watch interrupted")).ok()
}

/// The longest that a controller may take to finish what it has begun.
const LONGEST_DRAIN: Duration = Duration::from_secs(5);

/// Runs a controller to its end, and after `stop` not for ever: one that is stopped before its first list has arrived would
/// wait for that list, which nobody fetches any more.
pub(crate) async fn drained(controller: impl Future<Output = ()>, stop: &CancellationToken) {
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(LONGEST_DRAIN).await;
    };
    tokio::select! {
        () = controller => {}
        () = overdue => tracing::warn!("a controller did not end in time and is cut off"),
    }
}

/// Drops the metadata that nobody here reads.
pub(crate) fn prune_metadata(object: &mut impl Resource) {
    let ObjectMeta { name, namespace, uid, labels, owner_references, generation, resource_version, deletion_timestamp, .. } =
        std::mem::take(object.meta_mut());
    *object.meta_mut() = ObjectMeta {
        name,
        namespace,
        uid,
        labels,
        owner_references,
        generation,
        resource_version,
        deletion_timestamp,
        ..ObjectMeta::default()
    };
}

/// The namespace of an object that has one.
pub(crate) fn namespace_of(object: &impl ResourceExt) -> String {
    object.namespace().unwrap_or_default()
}
