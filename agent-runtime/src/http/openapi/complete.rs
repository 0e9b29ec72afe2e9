//! That the document tells of every route, and of no other: the router itself is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, header};
use tower::ServiceExt;

use super::operations::operations;
use crate::http::{App, routes};
use crate::runtime::Runtime;

/// Paths, each with its methods.
type Paths = BTreeMap<String, BTreeSet<String>>;

fn told() -> Paths {
    let mut paths = Paths::new();
    for operation in operations() {
        paths.entry(operation.path.to_owned()).or_default().insert(operation.method.to_uppercase());
    }
    paths
}

/// The paths as axum's `Debug` shows them, which is the one way to list them; the methods as `Allow` tells them.
async fn served() -> Paths {
    let runtime = Arc::new(Runtime::builder().build().unwrap());
    let router = routes(&runtime, &[]);
    let shown = format!("{router:?}");
    let shown = shown.split("RouteId(").filter_map(|entry| entry.split_once("): \"/")?.1.split_once('"'));
    // The fallback, which takes what no route does, has a name of axum's own.
    let paths = shown.map(|(path, _)| format!("/{path}")).filter(|path| !path.contains("{*"));
    let paths: BTreeSet<String> = paths.collect();
    let router = router.with_state(App { runtime });
    let mut served = Paths::new();
    for path in paths {
        let request = Request::builder().method(Method::TRACE).uri(path.replace(['{', '}'], "")).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let allowed = response.headers().get(header::ALLOW).unwrap_or_else(|| panic!("{path} takes TRACE")).to_str().unwrap();
        let methods = allowed.split(',').map(str::to_owned).filter(|method| method != "HEAD").collect();
        served.insert(path, methods);
    }
    served
}

#[tokio::test]
async fn every_route_is_told_and_nothing_else() {
    let served = served().await;
    assert!(served.len() > 10, "{served:?}");
    assert_eq!(served, told());
}
