//! The generated schemas are fresh, and local verdicts are what the cases say.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use expect_test::expect_file;
use serde_json::Value;
use skreaver_crds::validate::validate;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is the parent folder")
}

#[test]
fn generated_crds_are_fresh() {
    for crd in skreaver_crds::all() {
        let yaml =
            format!("# Generated from crds/src by `make generate`. Do not edit.\n{}", serde_yaml::to_string(&crd).unwrap());
        for folder in ["config/crd", "charts/skreaver/crds-generated"] {
            expect_file![root().join(folder).join(format!("{}.yaml", crd.spec.names.plural))].assert_eq(&yaml);
        }
    }
}

#[test]
fn local_verdicts_are_those_of_the_cases() {
    let text = std::fs::read_to_string(root().join("crds/cases.yaml")).unwrap();
    let cases: Vec<Value> = serde_yaml::from_str(&text).unwrap();
    assert!(cases.len() > 30);
    // What may become of an object that exists is the API server's to say.
    let creations = cases.iter().filter(|case| case["before"].is_null());
    let wrong: Vec<String> = creations.filter_map(wrong_verdict).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn wrong_verdict(case: &Value) -> Option<String> {
    let name = case["name"].as_str().unwrap();
    let said = validate(&case["manifest"]).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    match case["refused"].as_str() {
        None if said.is_empty() => None,
        None => Some(format!("{name}: refused though good: {said}")),
        Some(text) if said.contains(text) => None,
        Some(text) => Some(format!("{name}: wanted a refusal with `{text}`, got `{said}`")),
    }
}

#[test]
fn samples_are_good() {
    for entry in std::fs::read_dir(root().join("config/samples")).unwrap() {
        let path = entry.unwrap().path();
        for document in serde_yaml::Deserializer::from_str(&std::fs::read_to_string(&path).unwrap()) {
            let manifest: Value = serde::Deserialize::deserialize(document).unwrap();
            if manifest["apiVersion"].as_str().is_some_and(|version| version.starts_with(skreaver_crds::GROUP)) {
                assert_eq!(validate(&manifest), [], "{}", path.display());
            }
        }
    }
}
