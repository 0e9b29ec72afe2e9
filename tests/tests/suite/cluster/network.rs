//! NetworkPolicies as they are enforced: an agent's pods reach what its spec names and nothing else, and are reached from their
//! own namespace and nowhere else. Asked from pods that carry an agent's label, because policies go by that.

use skreaver_tests::{Namespace, kubectl, until};

use super::{agent, pods, ready};

/// A pod with BusyBox that takes connections on 8080 and 8081, and from which others can be tried.
fn pod(name: &str, labels: &str) -> String {
    let port = |number: u16| {
        format!(
            "{{name: port-{number}, image: 'skreaver/busybox:dev', imagePullPolicy: IfNotPresent, \
             args: [nc, '-ll', '-p', '{number}', '-e', /busybox, 'true'], ports: [{{name: p{number}, containerPort: {number}}}], \
             securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}}}"
        )
    };
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{{labels}}}}}, spec: {{terminationGracePeriodSeconds: 0, \
         securityContext: {{runAsNonRoot: true, runAsUser: 65532, seccompProfile: {{type: RuntimeDefault}}}}, \
         containers: [{}, {}]}}}}",
        port(8080),
        port(8081)
    )
}

fn service(name: &str, selector: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, \
         spec: {{selector: {{{selector}}}, ports: [{{name: a, port: 80, targetPort: p8080}}, {{name: b, port: 81, targetPort: 8081}}]}}}}"
    )
}

async fn apply_all(namespace: &Namespace, manifests: &[String]) {
    namespace.apply(&manifests.join("\n---\n")).await.unwrap();
    namespace.kubectl(&["wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s"]).await.unwrap();
}

/// Whether a connection from a pod is taken.
async fn reaches(namespace: &Namespace, from: &str, host: &str, port: u16) -> bool {
    let port = port.to_string();
    let try_it =
        ["exec", from, "--container=port-8080", "--", "/busybox", "nc", "-w", "2", host, &port, "-e", "/busybox", "true"];
    namespace.kubectl(&try_it).await.is_ok()
}

async fn address(namespace: &Namespace, pod: &str) -> String {
    namespace.get("pod", pod).await.unwrap()["status"]["podIP"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_agent_reaches_what_its_spec_names_and_nothing_else() {
    let namespace = Namespace::create("egress").await;
    let all = [
        pod("oracle", "app: oracle"),
        pod("stranger", "app: stranger"),
        pod("free", "app: free"),
        pod("probe", "skreaver.dev/agent: asker"),
        service("oracle", "app: oracle"),
        service("stranger", "app: stranger"),
    ];
    apply_all(&namespace, &all).await;
    let spec = format!(
        "{{model: {{provider: OpenAICompatible, name: mock, baseURL: 'http://oracle.{}.svc/v1', \
         fallbacks: [{{provider: OpenAICompatible, name: far, baseURL: 'http://192.0.2.7:8080'}}]}}}}",
        namespace.name
    );
    namespace.apply(&agent("asker", &spec)).await.unwrap();
    ready(&namespace, "asker").await;
    let (oracle, stranger) = (address(&namespace, "oracle").await, address(&namespace, "stranger").await);

    until("the way to the model to be open", async || reaches(&namespace, "probe", "oracle", 80).await.then_some(())).await;
    // What is refused by the policy is there: others reach it.
    until("the way to others to be closed", async || (!reaches(&namespace, "probe", &stranger, 8080).await).then_some(())).await;
    for (host, port) in [("stranger", 80), (stranger.as_str(), 8081), ("oracle", 81), (oracle.as_str(), 8081)] {
        assert!(reaches(&namespace, "free", host, port).await, "{host}:{port} is not there at all");
        assert!(!reaches(&namespace, "probe", host, port).await, "{host}:{port} is open");
    }
    for (host, port) in [("kubernetes.default.svc", 443), ("asker", 9090)] {
        assert!(!reaches(&namespace, "probe", host, port).await, "{host}:{port} is open");
    }

    // The Service leads elsewhere, and the way out follows.
    let patch = "{\"spec\": {\"selector\": {\"app\": \"stranger\"}}}";
    namespace.kubectl(&["patch", "service", "oracle", "--patch", patch]).await.unwrap();
    until("the way to follow the Service", async || reaches(&namespace, "probe", &stranger, 8080).await.then_some(())).await;
    until("the old way to close", async || (!reaches(&namespace, "probe", &oracle, 8080).await).then_some(())).await;
    namespace.delete().await;
}

#[tokio::test]
async fn an_agent_is_reached_from_its_own_namespace_alone() {
    let (namespace, other) = (Namespace::create("ingress").await, Namespace::create("elsewhere").await);
    namespace.apply(&agent("amber", "{}")).await.unwrap();
    for namespace in [&namespace, &other] {
        apply_all(namespace, &[pod("free", "app: free")]).await;
    }
    // Ready, so the kubelet's probes come through.
    ready(&namespace, "amber").await;
    let name = pods(&namespace, "amber").await.remove(0);
    let amber = address(&namespace, &name).await;
    until("the neighbours to be let in", async || reaches(&namespace, "free", &amber, 8080).await.then_some(())).await;
    until("others to be kept out", async || (!reaches(&other, "free", &amber, 8080).await).then_some(())).await;
    for (from, port) in [(&namespace, 9090), (&other, 9090)] {
        assert!(!reaches(from, "free", &amber, port).await, "{} reaches {port}", from.name);
    }
    namespace.delete().await;
    other.delete().await;
}

#[tokio::test]
async fn an_agent_may_not_name_the_node_or_the_api_server() {
    let namespace = Namespace::create("closed").await;
    let args = ["get", "service", "kubernetes", "--namespace", "default", "--output=jsonpath={.spec.clusterIP}"];
    let api_server = kubectl(&args, "").await.unwrap();
    for (name, host) in [("node", "10.88.0.1"), ("server", api_server.as_str()), ("metadata", "169.254.169.254")] {
        let spec = format!("{{model: {{provider: OpenAICompatible, name: mock, baseURL: 'https://{host}:6443'}}}}");
        namespace.apply(&agent(name, &spec)).await.unwrap();
        let message = namespace.condition("agent", name, "Accepted", "False", "AddressRefused").await;
        assert!(message.contains(host), "{message}");
        assert!(namespace.get("networkpolicy", name).await.is_none());
    }
    namespace.delete().await;
}
