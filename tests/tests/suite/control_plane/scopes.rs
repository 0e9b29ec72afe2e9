//! One namespace, several or all: the operator works where it was told to, and nowhere else.

use skreaver_tests::{Namespace, until};

use super::{Operator, agent};

#[tokio::test]
async fn several_namespaces_are_served_and_others_left_alone() {
    let (first, second, other) =
        (Namespace::create("scope").await, Namespace::create("scope").await, Namespace::create("scope").await);
    let watched = format!("{},{}", first.name, second.name);
    let operator = Operator::start(&first, &["--watch-namespaces", &watched]).await;
    other.apply(&agent("amber", "{}")).await.unwrap();
    for namespace in [&first, &second] {
        namespace.apply(&agent("amber", "{}")).await.unwrap();
        until("the Deployment", async || namespace.get("deployment", "amber").await).await;
        namespace.condition("agent", "amber", "Accepted", "True", "Valid").await;
    }
    // The unwatched Agent is older than both, and still nobody has looked at it.
    assert!(other.get("agent", "amber").await.unwrap()["status"].is_null());
    assert!(other.get("deployment", "amber").await.is_none());
    operator.stop().await;
    for namespace in [first, second, other] {
        namespace.delete().await;
    }
}
