//! Tokens of honest issuers that call their callers what they may not, or not clearly.

use serde_json::{Value, json};

use super::Row;
use crate::forge::Draft;

pub fn rows() -> Vec<Row> {
    [users(), service_accounts()].concat()
}

fn users() -> Vec<Row> {
    let ann = |name: &str, value: Value| Draft::of_ann().claim(name, value).signed();
    let bob = |name: &str, value: Value| Draft::of_bob().claim(name, value).signed();
    vec![
        ("no sub", "no_caller", Draft::of_ann().without_claim("sub").signed()),
        ("sub that is empty", "no_caller", ann("sub", json!(""))),
        ("sub of a number", "no_caller", ann("sub", json!(7))),
        ("sub of a list", "no_caller", ann("sub", json!(["7", "8"]))),
        ("no name", "no_caller", Draft::of_ann().without_claim("preferred_username").signed()),
        ("a name of a list", "no_caller", ann("preferred_username", json!(["ann"]))),
        ("a name with a line break", "no_caller", ann("preferred_username", json!("ann\nroot"))),
        ("a name that is long", "no_caller", ann("preferred_username", json!("a".repeat(300)))),
        ("a mail address that is not verified", "no_caller", bob("email_verified", json!(false))),
        ("a mail address verified in words", "no_caller", bob("email_verified", json!("true"))),
        ("a mail address of which nothing is said", "no_caller", Draft::of_bob().without_claim("email_verified").signed()),
        ("a user named as a ServiceAccount", "reserved_name", bob("email", json!("system:serviceaccount:quarry:chalk"))),
        ("a user named as an administrator", "reserved_name", bob("email", json!("system:admin"))),
        ("a group of Kubernetes", "reserved_name", bob("groups", json!(["system:masters"]))),
        (
            "a group of ServiceAccounts among others",
            "reserved_name",
            bob("groups", json!(["a", "system:serviceaccounts:quarry"])),
        ),
        ("groups of numbers", "no_caller", ann("groups", json!([0]))),
        ("groups of an object", "no_caller", ann("groups", json!({"staff": true}))),
        ("groups null", "no_caller", ann("groups", Value::Null)),
        ("a group with a control character", "no_caller", ann("groups", json!(["staff\u{1b}[0m"]))),
    ]
}

fn service_accounts() -> Vec<Row> {
    let of = |namespace: Value, name: Value, sub: &str| {
        let own = json!({"namespace": namespace, "serviceaccount": {"name": name, "uid": "u"}});
        Draft::of_chalk().claim("kubernetes.io", own).claim("sub", sub).signed()
    };
    let sub = "system:serviceaccount:quarry:chalk";
    vec![
        (
            "sub of another ServiceAccount",
            "no_caller",
            Draft::of_chalk().claim("sub", "system:serviceaccount:quarry:slate").signed(),
        ),
        (
            "sub of another namespace",
            "no_caller",
            Draft::of_chalk().claim("sub", "system:serviceaccount:kube-system:chalk").signed(),
        ),
        ("sub of a node", "no_caller", Draft::of_chalk().claim("sub", "system:node:n1").signed()),
        ("no sub beside the ServiceAccount", "no_caller", Draft::of_chalk().without_claim("sub").signed()),
        ("no claim of Kubernetes", "no_caller", Draft::of_chalk().without_claim("kubernetes.io").signed()),
        ("a claim of Kubernetes that is a text", "no_caller", Draft::of_chalk().claim("kubernetes.io", sub).signed()),
        ("claims of before Kubernetes 1.21", "no_caller", {
            let old = Draft::of_chalk().without_claim("kubernetes.io").claim("kubernetes.io/serviceaccount/namespace", "quarry");
            old.claim("kubernetes.io/serviceaccount/service-account.name", "chalk").signed()
        }),
        ("a pod without a ServiceAccount", "no_caller", {
            Draft::of_chalk().claim("kubernetes.io", json!({"namespace": "quarry", "pod": {"name": "chalk-0"}})).signed()
        }),
        (
            "a namespace with a colon in it",
            "no_caller",
            of(json!("quarry:chalk"), json!("x"), "system:serviceaccount:quarry:chalk:x"),
        ),
        ("a name with a colon in it", "no_caller", of(json!("quarry"), json!("chalk:x"), "system:serviceaccount:quarry:chalk:x")),
        ("a namespace that is empty", "no_caller", of(json!(""), json!("chalk"), "system:serviceaccount::chalk")),
        ("a name that is empty", "no_caller", of(json!("quarry"), json!(""), "system:serviceaccount:quarry:")),
        ("a namespace in upper case", "no_caller", of(json!("Quarry"), json!("chalk"), "system:serviceaccount:Quarry:chalk")),
        ("a namespace with a dot", "no_caller", of(json!("qua.rry"), json!("chalk"), "system:serviceaccount:qua.rry:chalk")),
        ("a namespace of a number", "no_caller", of(json!(1), json!("chalk"), "system:serviceaccount:1:chalk")),
        ("a name with a slash", "no_caller", of(json!("quarry"), json!("../chalk"), "system:serviceaccount:quarry:../chalk")),
        (
            "a name with a look-alike",
            "no_caller",
            of(json!("quarry"), json!("ch\u{430}lk"), "system:serviceaccount:quarry:ch\u{430}lk"),
        ),
    ]
}
