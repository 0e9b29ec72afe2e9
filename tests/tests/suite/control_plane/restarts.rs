//! The operator dies at any moment, and another one takes over.

use std::time::{Duration, Instant};

use skreaver_tests::{Namespace, until};

use super::{CHILDREN, Operator, agent};

#[tokio::test]
async fn an_operator_killed_while_creating_converges_after_its_restart() {
    let namespace = Namespace::create("killed").await;
    let rounds: u32 = if std::env::var_os("SKREAVER_SOAK").is_some() { 100 } else { 6 };
    for round in 0..rounds {
        let operator = Operator::start(&namespace, &[]).await;
        let names: Vec<_> = (0..5).map(|index| format!("agent-{round}-{index}")).collect();
        let manifests: Vec<_> = names.iter().map(|name| agent(name, "{replicas: 2}")).collect();
        namespace.apply(&manifests.join("\n---\n")).await.unwrap();
        // A little later each round, so that every moment of creation is hit by some round.
        tokio::time::sleep(Duration::from_millis(u64::from(round * 7 % 60))).await;
        operator.kill().await;
        let operator = Operator::start(&namespace, &[]).await;
        for name in &names {
            for kind in CHILDREN.iter().chain(&["poddisruptionbudget"]) {
                until(&format!("{kind} {name}"), async || namespace.get(kind, name).await).await;
            }
            namespace.condition("agent", name, "Accepted", "True", "Valid").await;
        }
        operator.stop().await;
    }
    namespace.delete().await;
}

#[tokio::test]
async fn a_second_operator_takes_over_when_the_first_is_killed_or_stopped() {
    let namespace = Namespace::create("leader").await;
    let elect = |pod: &'static str| ["--leader-elect", "true", "--pod-name", pod];
    let first = Operator::start(&namespace, &elect("first")).await;
    let holder = async || Some(namespace.get("lease", "skreaver-operator").await?["spec"]["holderIdentity"].as_str()?.to_owned());
    let holds = async |pod: &str| {
        until(&format!("{pod} to lead"), async || holder().await.filter(|holder| holder.starts_with(pod)).map(drop)).await;
    };
    holds("first").await;
    let second = Operator::start(&namespace, &elect("second")).await;
    let standby = reqwest::get(format!("http://{}/ready", second.admin)).await.unwrap().text().await.unwrap();
    assert!(standby.contains("standby"), "{standby}");
    namespace.apply(&agent("amber", "{}")).await.unwrap();
    until("the Deployment", async || namespace.get("deployment", "amber").await).await;

    let killed = Instant::now();
    first.kill().await;
    holds("second").await;
    assert!(killed.elapsed() < Duration::from_secs(30), "{:?}", killed.elapsed());
    namespace.apply(&agent("basalt", "{}")).await.unwrap();
    until("the second Deployment", async || namespace.get("deployment", "basalt").await).await;

    // Stopped in good order it lets go of the Lease, and nobody waits for it to run out.
    let third = Operator::start(&namespace, &elect("third")).await;
    let stopped = Instant::now();
    second.stop().await;
    holds("third").await;
    assert!(stopped.elapsed() < Duration::from_secs(10), "{:?}", stopped.elapsed());
    third.stop().await;
    namespace.delete().await;
}
