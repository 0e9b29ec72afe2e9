//! Golden cases: from manifests as a user writes them to everything that would be applied.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use serde::Deserialize;
use skreaver_crds::Agent;
use skreaver_protocol::auth::{KeySet, KeySets};
use skreaver_protocol::policy::{AgentFacts, PolicyBundle};
use skreaver_render::local::{Document, Local};
use skreaver_render::{
    AuthSettings, ChildKind, ControlSettings, Found, Locations, PolicyInForce, Settings, Told, agent_config, manifests,
    policy_bundle, references, resolve,
};

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents(text: &str) -> Vec<Document> {
    serde_yaml::Deserializer::from_str(text)
        .enumerate()
        .map(|(index, document)| Document {
            origin: format!("document {index}"),
            value: Deserialize::deserialize(document).unwrap(),
        })
        .collect()
}

fn settings() -> Settings {
    Settings {
        image: "registry.test/agent-runtime:9".into(),
        gateway_namespaces: vec!["front".into()],
        monitoring_namespaces: vec!["watchers".into()],
        closed_networks: vec!["198.51.100.0/24".parse().unwrap()],
        auth: AuthSettings { issuer: Some("https://cluster.test".into()), ..AuthSettings::default() },
        control: Some(ControlSettings { namespace: "platform".into(), service: "steering".into(), ca: "PEM".into() }),
        ..Settings::default()
    }
}

fn inputs() -> Vec<PathBuf> {
    let folders = [here().join("cases"), here().join("../../config/samples")];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).collect()
}

#[test]
fn every_sample_and_case_renders_as_it_did() {
    let inputs = inputs();
    assert!(inputs.len() >= 5, "{inputs:?}");
    for path in inputs {
        let local = Local::load(documents(&std::fs::read_to_string(&path).unwrap())).unwrap();
        let children = local.children(&settings()).unwrap();
        let rendered: Vec<_> = children.iter().map(|child| serde_yaml::to_string(&child.manifest).unwrap()).collect();
        expect_file![here().join("cases/rendered").join(path.file_name().unwrap())].assert_eq(&rendered.join("---\n"));
    }
}

/// What pods are told while they run is in the ConfigMap, and only there.
#[test]
fn no_key_of_an_issuer_changes_anything_but_the_config_map() {
    let agent: Agent = serde_yaml::from_str("{metadata: {name: chalk, namespace: quarry}, spec: {}}").unwrap();
    let resolved = resolve(&agent, &Found::default(), &settings()).unwrap();
    let policies = PolicyBundle::default();
    let children = |keys: &KeySets| manifests(&resolved, Told { policies: &policies, keys: Some(keys) }, &settings());
    let set = KeySet { issuer: "https://cluster.test".into(), keys: serde_json::json!({"keys": []}), fetched_at_ms: 5 };
    let (before, after) = (children(&KeySets::default()), children(&KeySets { version: 7, sets: vec![set] }));
    let changed = before.iter().zip(&after).filter(|(before, after)| before.manifest != after.manifest);
    assert_eq!(changed.map(|(child, _)| child.kind).collect::<Vec<_>>(), [ChildKind::ConfigMap]);
}

fn refused(text: &str) -> Vec<String> {
    Local::load(documents(text)).and_then(|local| local.children(&settings())).unwrap_err()
}

#[test]
fn everything_missing_is_told_at_once() {
    let problems = refused(
        "{apiVersion: skreaver.dev/v1alpha1, kind: Agent, metadata: {name: chalk}, spec: {instructionsFrom: {configMapKeyRef: {name: gone, key: k}}, tools: [{name: levitate, type: Builtin}]}}",
    );
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("ConfigMap `gone` does not exist"), "{problems:?}");
    assert!(problems[1].contains("spec.tools[0]: no built-in tool is named `levitate`; there are uppercase,"), "{problems:?}");
}

#[test]
fn a_missing_key_is_named_with_its_config_map() {
    let problems = refused(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: there}, data: {other: x}}\n---\n{apiVersion: skreaver.dev/v1alpha1, kind: Agent, metadata: {name: chalk}, spec: {instructionsFrom: {configMapKeyRef: {name: there, key: k}}}}",
    );
    assert_eq!(problems, ["document 1: spec.instructionsFrom.configMapKeyRef: ConfigMap `there` has no key `k`; add it"]);
}

#[test]
fn what_cannot_be_meant_is_told_with_what_is_missing() {
    let problems = refused(
        "{apiVersion: skreaver.dev/v1alpha1, kind: Agent, metadata: {name: chalk}, spec: {model: {provider: Ollama, name: m, baseURL: 'http://127.0.0.1:11434', fallbacks: [{provider: Ollama, name: m, baseURL: 'http://gone.far.svc'}]}, goal: {text: x, until: 'turns >'}, outputSchema: {type: thing}}}",
    );
    let told = [
        "spec.goal.until: this is not CEL",
        "spec.outputSchema: this is not a JSON Schema",
        "`127.0.0.1` is an address that no agent may reach",
        "spec.model.fallbacks[0].baseURL: Service `gone` does not exist in namespace `far`",
    ];
    assert_eq!(problems.len(), told.len(), "{problems:?}");
    for (problem, told) in problems.iter().zip(told) {
        assert!(problem.contains(told), "{problem}");
    }
}

/// What no schema can tell, by the paths of the spec: the cluster itself stands before the issuers in what pods are given.
#[test]
fn callers_that_cannot_be_meant_are_told_by_their_paths() {
    let problems = refused(
        "{apiVersion: skreaver.dev/v1alpha1, kind: Agent, metadata: {name: chalk}, spec: {expose: {auth: {issuers: [\
            {kind: OIDC, url: 'https://a.example.com', audiences: [chalk]}, {kind: OIDC, url: 'http://b.example.com', audiences: [chalk]}, \
            {kind: Kubernetes, url: 'https://c.example.com', audiences: [chalk]}], bindings: [\
            {role: user, subjects: [{kind: User, name: jo}, {kind: ServiceAccount, name: till, namespace: shop}]}, \
            {role: user, subjects: [{kind: Group, name: staff, issuer: 'https://d.example.com'}]}]}}}}",
    );
    let told = [
        "spec.expose.auth.issuers[1].url: write an https URL",
        "spec.expose.auth.bindings[0].subjects[0].issuer: several issuers could vouch for this name; say which",
        "spec.expose.auth.bindings[0].subjects[1].issuer: several issuers could vouch for this name; say which",
        "spec.expose.auth.bindings[1].subjects[0].issuer: no issuer of this URL can vouch for it",
    ];
    assert_eq!(problems.len(), told.len(), "{problems:?}");
    for (problem, told) in problems.iter().zip(told) {
        assert!(problem.contains(told), "{problem}");
    }
}

#[test]
fn what_tools_name_and_is_not_there_is_told_by_its_path() {
    let big = "x".repeat((256 << 10) + 1);
    let problems = refused(&format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: there}}, data: {{big: {big}}}}}\n---\n{{apiVersion: skreaver.dev/v1alpha1, kind: Agent, metadata: {{name: chalk}}, spec: {{tools: [\
            {{name: a, type: OpenAPI, openapi: {{documentFrom: {{configMapKeyRef: {{name: gone, key: k}}}}, server: 'https://a.example.com'}}}}, \
            {{name: b, type: OpenAPI, openapi: {{documentFrom: {{configMapKeyRef: {{name: there, key: k}}}}, server: 'https://a.example.com'}}}}, \
            {{name: c, type: OpenAPI, openapi: {{documentFrom: {{configMapKeyRef: {{name: there, key: big}}}}, server: 'https://a.example.com'}}}}, \
            {{name: d, type: MCP, mcp: {{command: npx}}}}, {{name: e, type: Agent, agent: {{name: nobody}}}}, \
            {{name: f, type: HTTP, http: {{url: 'http://127.0.0.1/x', inputSchema: {{type: thing}}}}}}, \
            {{name: g, type: MCP, mcp: {{url: 'http://gone.far.svc/mcp'}}}}]}}}}"
    ));
    let told = [
        "spec.tools[0].openapi.documentFrom.configMapKeyRef: ConfigMap `gone` does not exist",
        "spec.tools[1].openapi.documentFrom.configMapKeyRef: ConfigMap `there` has no key `k`",
        "spec.tools[2].openapi.documentFrom.configMapKeyRef: key `big` of ConfigMap `there` has 262145 bytes; shorten it to 262144",
        "spec.tools[3].mcp.command: the pods of agents run no programs of yours",
        "spec.tools[4].agent.name: Agent `nobody` does not exist in this namespace",
        "spec.tools[5].http.inputSchema: this is not a JSON Schema",
        "spec.tools[5].http.url: `127.0.0.1` is an address that no agent may reach",
        "spec.tools[6].mcp.url: Service `gone` does not exist in namespace `far`",
    ];
    assert_eq!(problems.len(), told.len(), "{problems:?}");
    for (problem, told) in problems.iter().zip(told) {
        assert!(problem.contains(told), "{problem}");
    }
}

#[test]
fn agents_that_ask_each_other_in_a_circle_are_told_from_files_alone() {
    let agent = |namespace: &str, name: &str, asks: &str| {
        format!(
            "{{apiVersion: skreaver.dev/v1alpha1, kind: Agent, metadata: {{name: {name}, namespace: {namespace}}}, spec: {{tools: [{{name: add, type: Builtin}}, {{name: peer, type: Agent, agent: {{name: {asks}}}}}]}}}}"
        )
    };
    let all = |third: &str| {
        [agent("quarry", "a", "b"), agent("quarry", "b", "c"), agent(third, "c", "a"), agent("quarry", "d", "a")].join("\n---\n")
    };
    let problems = refused(&all("quarry"));
    let told = ["a -> b -> c -> a", "b -> c -> a -> b", "c -> a -> b -> c"];
    assert_eq!(problems.len(), told.len(), "{problems:?}");
    for (problem, told) in problems.iter().zip(told) {
        let told = format!("spec.tools[1].agent.name: these Agents would ask each other in a circle: {told}; remove");
        assert!(problem.contains(&told), "{problem}");
    }
    assert!(Local::load(documents(&all("stores"))).is_ok(), "one of them is another Agent");
}

#[test]
fn on_a_laptop_servers_are_programs_and_agents_are_in_one_process() {
    let local = Local::load(documents(
        "{apiVersion: skreaver.dev/v1alpha1, kind: Agent, metadata: {name: helper}, spec: {}}\n---\n{apiVersion: skreaver.dev/v1alpha1, kind: Agent, metadata: {name: chalk}, spec: {tools: [{name: everything, type: MCP, mcp: {command: npx, args: [-y], env: [{name: LOG, value: x}]}}, {name: helper, type: Agent, agent: {name: helper}}]}}",
    ))
    .unwrap();
    let agents = local.resolve(false).unwrap();
    let config = serde_json::to_value(agent_config(&agents[1].0, &Locations::default())).unwrap();
    let server = serde_json::json!({"transport": "command", "command": "npx", "args": ["-y"], "env": {"LOG": "x"}});
    assert_eq!(config["tools"][0]["source"]["server"], server);
    let helper = serde_json::json!({"type": "Agent", "agent": "helper", "timeout": "30s"});
    assert_eq!(config["tools"][1]["source"], helper);
}

#[test]
fn a_missing_secret_and_a_missing_key_are_told_apart() {
    let agent = serde_json::json!({"apiVersion": "skreaver.dev/v1alpha1", "kind": "Agent", "metadata": {"name": "chalk"}, "spec": {
        "model": {"provider": "OpenAI", "name": "m", "apiKey": {"secretKeyRef": {"name": "keys", "key": "first"}}},
        "memory": {"backend": "PostgreSQL", "postgreSQL": {"urlSecretKeyRef": {"name": "urls", "key": "db"}, "endpoints": ["db.example.com:5432"]}}}});
    let agent: skreaver_crds::Agent = serde_json::from_value(agent).unwrap();
    let settings = settings();
    let wanted = references(&agent, &settings).secrets;
    assert_eq!(wanted.iter().map(|(name, keys)| format!("{name}{keys:?}")).collect::<String>(), "keys{\"first\"}urls{\"db\"}");
    let mut found = Found { secrets: wanted, ..Found::default() };
    assert!(resolve(&agent, &found, &settings).is_ok());
    found.secrets.remove("urls");
    found.secrets.insert("keys".into(), ["second".to_owned()].into());
    let missing = resolve(&agent, &found, &settings).unwrap_err();
    let told: Vec<_> = missing.iter().map(|it| format!("{} {it}", it.reason.name())).collect();
    assert_eq!(
        told,
        [
            "SecretKeyNotFound spec.model.apiKey.secretKeyRef: Secret `keys` has no key `first`; add it",
            "SecretNotFound spec.memory.postgreSQL.urlSecretKeyRef: Secret `urls` does not exist; create it",
        ]
    );
}

#[test]
fn rules_that_do_not_compile_are_refused() {
    let problems = refused(
        "{apiVersion: skreaver.dev/v1alpha1, kind: ToolPolicy, metadata: {name: p}, spec: {rules: [{name: r, tools: ['[x'], action: Deny}]}}",
    );
    assert!(problems[0].contains("spec.rules[0].tools[0]: `[x` is not a glob"), "{problems:?}");
}

#[test]
fn a_name_stands_once() {
    let agent = "{apiVersion: skreaver.dev/v1alpha1, kind: Agent, metadata: {name: twin}, spec: {}}";
    assert_eq!(refused(&format!("{agent}\n---\n{agent}")), ["document 1: Agent `twin` stands in document 0 already"]);
}

fn in_force(name: &str) -> PolicyInForce {
    let spec = serde_json::from_value(serde_json::json!({})).unwrap();
    PolicyInForce { name: name.into(), generation: 1, spec }
}

fn plain() -> AgentFacts {
    AgentFacts { namespace: "quarry".into(), labels: [("tier".to_owned(), "internal".to_owned())].into() }
}

#[test]
fn labels_of_an_agent_are_in_its_bundle_where_a_condition_may_ask_for_them() {
    let spec =
        serde_json::json!({"rules": [{"name": "r", "tools": ["x"], "when": "agent.labels.tier == 'a'", "action": "Allow"}]});
    let asking = PolicyInForce { spec: serde_json::from_value(spec).unwrap(), ..in_force("asking") };
    let silent = policy_bundle(&plain(), &[in_force("a")], false, None, 0, BTreeMap::new());
    assert_eq!(silent.agent, None);
    let first = policy_bundle(&plain(), std::slice::from_ref(&asking), false, Some(&silent), 1, BTreeMap::new());
    assert_eq!((first.version, first.agent.as_ref()), (2, Some(&plain())));
    let moved = AgentFacts { labels: [("tier".to_owned(), "edge".to_owned())].into(), ..plain() };
    assert_eq!(policy_bundle(&moved, &[asking], false, Some(&first), 2, BTreeMap::new()).version, 3);
    assert_eq!(policy_bundle(&moved, &[in_force("a")], false, Some(&silent), 1, BTreeMap::new()), silent);
}

#[test]
fn a_bundle_keeps_its_version_until_it_changes_and_never_goes_back() {
    let first = policy_bundle(&plain(), &[in_force("b"), in_force("a")], false, None, 0, BTreeMap::new());
    assert_eq!(first.version, 1);
    assert_eq!(policy_bundle(&plain(), &[in_force("a"), in_force("b")], false, Some(&first), 1, BTreeMap::new()), first);
    assert_eq!(policy_bundle(&plain(), &[in_force("a")], false, Some(&first), 1, BTreeMap::new()).version, 2);
    assert_eq!(policy_bundle(&plain(), &[in_force("a"), in_force("b")], true, Some(&first), 1, BTreeMap::new()).version, 2);
    // The ConfigMap was lost, or an old one came back: the pods remember 7.
    assert_eq!(policy_bundle(&plain(), &[], false, None, 7, BTreeMap::new()).version, 8);
    assert_eq!(policy_bundle(&plain(), &[in_force("a"), in_force("b")], false, Some(&first), 7, BTreeMap::new()).version, 8);
}
