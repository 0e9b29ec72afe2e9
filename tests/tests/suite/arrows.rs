//! Who may import whom: the arrows of ARCHITECTURE.md, read from `cargo metadata` and `cargo tree`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;
use skreaver_tests::root;

fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(args).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "cargo {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Which of our crates each of our crates imports.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--format-version=1", "--no-deps", "--offline"])).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let ours: BTreeSet<_> = packages.iter().map(name).collect();
    let imported = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        dependencies.filter(|dependency| dependency["kind"].is_null()).map(name).filter(|name| ours.contains(name)).collect()
    };
    packages.iter().map(|package| (name(package), imported(package))).collect()
}

#[test]
fn our_crates_import_each_other_along_the_arrows_only() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("skreaver-protocol", &[] as &[&str]),
        ("skreaver-detect", &[]),
        ("skreaver-auth", &["skreaver-protocol"] as &[&str]),
        ("skreaver-policy", &["skreaver-protocol"]),
        ("skreaver-crds", &["skreaver-protocol"]),
        ("skreaver-render", &["skreaver-auth", "skreaver-crds", "skreaver-policy", "skreaver-protocol"]),
        ("skreaver-operator", &["skreaver-auth", "skreaver-crds", "skreaver-policy", "skreaver-protocol", "skreaver-render"]),
        ("skreaver-effects", &["skreaver-policy"]),
        ("skreaver-memory", &["skreaver-protocol"]),
        ("skreaver-model", &["skreaver-protocol"]),
        ("skreaver-tools", &["skreaver-policy", "skreaver-protocol"]),
        ("skreaver-remote", &["skreaver-detect", "skreaver-effects", "skreaver-policy", "skreaver-protocol", "skreaver-tools"]),
        (
            "skreaver",
            &[
                "skreaver-auth",
                "skreaver-detect",
                "skreaver-effects",
                "skreaver-memory",
                "skreaver-model",
                "skreaver-policy",
                "skreaver-protocol",
                "skreaver-remote",
                "skreaver-tools",
            ],
        ),
        ("skreaver-agent-runtime", &["skreaver"]),
        ("skreaver-cli", &["skreaver", "skreaver-render"]),
    ]);
    let imports = imports();
    for (package, imported) in &imports {
        // Tests, benches and fuzz targets import anything; nothing imports them.
        if ["skreaver-tests", "skreaver-benches", "skreaver-fuzz"].contains(&package.as_str()) {
            continue;
        }
        let allowed = allowed.get(package.as_str()).unwrap_or_else(|| panic!("{package} has no place in ARCHITECTURE.md"));
        for imported in imported {
            assert!(allowed.contains(&imported.as_str()), "{package} may not import {imported}");
        }
    }
    assert_eq!(imports.len(), allowed.len() + 3);
}

/// Every crate that `package` drags in when it is built by itself.
fn tree(package: &str) -> BTreeSet<String> {
    let lines =
        cargo(&["tree", "--package", package, "--all-features", "--edges=normal", "--prefix=none", "--format={p}", "--offline"]);
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn pure_crates_reach_no_client_and_no_runtime() {
    let pure = ["skreaver-protocol", "skreaver-auth", "skreaver-detect", "skreaver-policy", "skreaver-crds", "skreaver-render"];
    for package in pure {
        let tree = tree(package);
        for forbidden in ["tokio", "kube-client", "kube-runtime", "reqwest", "hyper", "axum"] {
            assert!(!tree.contains(forbidden), "{package} may not reach {forbidden}");
        }
    }
}

#[test]
fn the_runtime_knows_no_kubernetes() {
    let tree = tree("skreaver");
    for forbidden in ["kube", "kube-core", "kube-client", "k8s-openapi", "skreaver-crds", "skreaver-render"] {
        assert!(!tree.contains(forbidden), "the runtime may not reach {forbidden}");
    }
    assert!(!super::arrows::tree("skreaver-operator").contains("skreaver"), "the operator may not reach the runtime");
}

#[test]
fn one_tls_and_one_of_each_that_must_not_double() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let versions = |name: &str| lock.matches(&format!("name = \"{name}\"\n")).count();
    for single in ["rustls", "kube-core", "k8s-openapi", "schemars", "axum", "hyper", "reqwest", "tower"] {
        assert_eq!(versions(single), 1, "{single}");
    }
    // With the second of its backends, of which `rsa` is a part, jsonwebtoken panics at its first use.
    for banned in ["openssl-sys", "native-tls", "rsa"] {
        assert_eq!(versions(banned), 0, "{banned}");
    }
}
