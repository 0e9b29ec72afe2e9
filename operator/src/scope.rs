//! Which namespaces a set of controllers works on: one, or all.

use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, NamespaceResourceScope, PartialObjectMeta};
use kube::{Client, Resource};

/// The metadata of an object of any kind.
pub(crate) type Metadata = PartialObjectMeta<DynamicObject>;

/// One namespace or all, and the way to the API server.
#[derive(Clone)]
pub struct Scope {
    client: Client,
    namespace: Option<String>,
}

impl Scope {
    /// One scope for each namespace, so that rights can be given for each; one for all where none is named.
    pub fn each(client: &Client, namespaces: &[String]) -> Vec<Self> {
        let one = |namespace| Self { client: client.clone(), namespace };
        match namespaces {
            [] => vec![one(None)],
            some => some.iter().cloned().map(Some).map(one).collect(),
        }
    }

    /// What to call it in readiness and logs.
    pub(crate) fn name(&self) -> &str {
        self.namespace.as_deref().unwrap_or("all namespaces")
    }

    /// Whether an object of this namespace is in it.
    pub(crate) fn contains(&self, namespace: &str) -> bool {
        self.namespace.as_deref().is_none_or(|own| own == namespace)
    }

    /// For watching: everything in the scope.
    pub(crate) fn all<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    /// For watching: the metadata of everything of a kind.
    pub(crate) fn all_metadata(&self, resource: &ApiResource) -> Api<Metadata> {
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
            None => Api::all_with(self.client.clone(), resource),
        }
    }

    /// For reading and writing in one namespace.
    pub(crate) fn within<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// For reading and writing objects of a kind in one namespace.
    pub(crate) fn dynamic(&self, namespace: &str, resource: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, resource)
    }
}
