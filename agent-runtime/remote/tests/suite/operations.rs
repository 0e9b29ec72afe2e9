//! The operations of an OpenAPI document as tools.

use std::net::SocketAddr;

use serde_json::{Value, json};
use skreaver_protocol::ToolName;
use skreaver_protocol::config::OpenApiConfig;
use skreaver_remote::Problem;
use skreaver_remote::http::RequestTool;
use skreaver_remote::openapi::{Compiled, compile};
use skreaver_tools::{Tool, ToolError};

use crate::support::{Vault, echo, json_answer, permit, serve, world};

/// The pet store, as its 3.0 document has it.
const PETS_30: &str = include_str!("pets-3.0.json");
/// The same in 3.1, as YAML with circles, aliases and unquoted codes.
const PETS_31: &str = include_str!("pets-3.1.yaml");

fn config(document: &str, more: Value) -> OpenApiConfig {
    let mut config = json!({"document": document});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(config).unwrap()
}

fn compiled(document: &str, more: Value, server: SocketAddr) -> Result<Compiled, Vec<Problem>> {
    let vault = Vault::default();
    vault.put("basalt-17");
    compile(&ToolName::parse("pets").unwrap(), &config(document, more), &world(server, &vault))
}

fn nowhere() -> SocketAddr {
    "127.0.0.1:1".parse().unwrap()
}

fn names(compiled: &Compiled) -> Vec<&str> {
    compiled.tools.iter().map(|(name, _)| name.as_str()).collect()
}

fn tool<'c>(compiled: &'c Compiled, name: &str) -> &'c RequestTool {
    &compiled.tools.iter().find(|(found, _)| found.as_str() == format!("pets/{name}")).unwrap().1
}

/// A document of one operation, a GET of `/x`.
fn one(operation: Value) -> String {
    json!({"openapi": "3.1.0", "servers": [{"url": "http://a.example"}], "paths": {"/x": {"get": operation}}}).to_string()
}

#[test]
fn both_versions_of_the_pet_store_are_tools() {
    let old = compiled(PETS_30, json!({}), nowhere()).ok().unwrap();
    assert_eq!(names(&old), ["pets/createPets", "pets/delete_pets_petId", "pets/listPets", "pets/showPetById", "pets/updatePet"]);
    assert_eq!(old.places.iter().map(|(host, port)| format!("{host}:{port}")).collect::<Vec<_>>(), ["petstore.example.com:443"]);
    let left_out: Vec<_> = old.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(left_out, ["document.paths[/pets/{petId}/photo].post: its content is not JSON"]);
    let list = tool(&old, "listPets");
    assert_eq!(list.description(), "List all pets");
    let expected = json!({"type": "object", "additionalProperties": false, "required": [], "properties": {
        "limit": {"type": "integer", "maximum": 100, "format": "int32", "description": "How many items to return at one time"},
        "tags": {"type": "array", "items": {"type": "string"}}}});
    assert_eq!(list.input_schema(), expected);
    let pet = json!({"type": "object", "required": ["id", "name"], "properties": {
        "id": {"type": "integer", "format": "int64"}, "name": {"type": "string"}, "tag": {"type": ["string", "null"]}}});
    assert_eq!(list.output_schema(), Some(json!({"type": "array", "maxItems": 100, "items": pet})));
    let create = tool(&old, "createPets");
    assert_eq!(create.input_schema()["required"], json!(["body"]));
    // The server gives ids.
    assert_eq!(create.input_schema()["properties"]["body"]["required"], json!(["name"]));
    assert!(create.output_schema().is_none() && !create.is_idempotent() && tool(&old, "updatePet").is_idempotent());

    let new = compiled(PETS_31, json!({}), nowhere()).ok().unwrap();
    assert_eq!(names(&new), ["pets/find_pets", "pets/pet.get", "pets/tree"]);
    assert_eq!(new.places.len(), 1);
    let tree = tool(&new, "tree").output_schema().unwrap();
    assert_eq!(tree["properties"]["children"], json!({"type": "array", "items": {}}));
    assert_eq!(tool(&new, "pet.get").input_schema()["properties"]["X-Trace"], json!({"type": ["string", "null"]}));
}

#[test]
fn texts_of_a_document_are_what_a_person_sees() {
    let hidden = "Fi\u{200b}nds \u{1b}[31mall.\u{e0041}";
    let member = json!({"type": "string", "description": hidden, "pattern": "\u{200b}"});
    let answer =
        json!({"200": {"description": hidden, "content": {"application/json": {"schema": {"properties": {"a": member}}}}}});
    let parameter = json!({"name": "q", "in": "query", "description": hidden, "schema": {"type": "string"}});
    let operation = json!({"operationId": "find", "summary": hidden, "parameters": [parameter], "responses": answer});
    let compiled = compiled(&one(operation), json!({}), nowhere()).ok().unwrap();
    let find = tool(&compiled, "find");
    assert_eq!(find.description(), "Finds all.");
    assert_eq!(find.input_schema()["properties"]["q"]["description"], "Finds all.");
    let answer = find.output_schema().unwrap();
    assert_eq!(answer["properties"]["a"], json!({"type": "string", "description": "Finds all.", "pattern": "\u{200b}"}));
}

#[tokio::test]
async fn arguments_are_written_as_the_parameters_say() {
    let server = echo().await;
    let headers = json!({"server": "http://b.example:8080/v2/", "headers": [{"name": "X-Key", "secret": "env:KEY"}]});
    let pets = compiled(PETS_31, headers.clone(), server).ok().unwrap();
    assert_eq!(pets.places[0].0.to_string(), "b.example");
    let arguments = json!({"tags": ["a b", "c,d"], "ids": [1, 2], "filter": {"age": 3, "kind": "x&y"}, "none": []});
    let error = tool(&pets, "find_pets").run(permit(), arguments).await.unwrap_err();
    // The echo is no list of pets, and shows what was asked.
    assert!(matches!(error, ToolError::Failed(_)), "{error}");

    let document = json!({"openapi": "3.0.3", "servers": [{"url": "http://{host}/v{n}", "variables": {"host": {"default": "a.example"}, "n": {"default": "2"}}}],
        "paths": {"/pets/{ids}/{petId}": {
            "parameters": [{"name": "ids", "in": "path", "required": true, "schema": {"type": "array", "items": {"type": "integer"}}},
                {"name": "X-Key", "in": "header", "required": true, "schema": {"type": "string"}},
                {"name": "Authorization", "in": "header", "schema": {"type": "string"}},
                {"name": "session", "in": "cookie", "schema": {"type": "string"}}],
            "patch": {"operationId": "change pet!", "parameters": [
                {"name": "petId", "in": "path", "required": true, "schema": {"type": "string"}},
                {"name": "tags", "in": "query", "schema": {"type": "array"}},
                {"name": "short", "in": "query", "explode": false, "schema": {"type": "array"}},
                {"name": "filter", "in": "query", "schema": {"type": "object"}},
                {"name": "body", "in": "query", "schema": {"type": "string"}},
                {"name": "X-Trace", "in": "header", "schema": {"type": "array"}}],
             "requestBody": {"content": {"application/merge-patch+json": {"schema": {"type": "object"}}}}}}}});
    let pets = compiled(&document.to_string(), json!({"headers": headers["headers"]}), server).ok().unwrap();
    assert_eq!(names(&pets), ["pets/change_pet"]);
    let change = tool(&pets, "change_pet");
    let mut properties: Vec<_> = change.input_schema()["properties"].as_object().unwrap().keys().cloned().collect();
    properties.sort();
    assert_eq!(properties, ["X-Trace", "body", "filter", "ids", "petId", "requestBody", "short", "tags"]);
    let arguments = json!({"ids": [1, 2], "petId": "a/b", "tags": ["a b", "c,d"], "short": ["x", "y,z"], "filter": {"age": 3, "k&": "x&y"},
        "body": "text", "X-Trace": ["p", "q"], "requestBody": {"name": "onyx"}});
    let told = change.run(permit(), arguments.clone()).await.unwrap();
    let line = told["line"].as_str().unwrap();
    let (target, query) = line.split_once('?').unwrap();
    assert_eq!(target, "PATCH /v2/pets/1,2/a%2Fb");
    let mut query: Vec<_> = query.split('&').collect();
    query.sort_unstable();
    assert_eq!(query, ["age=3", "body=text", "k%26=x%26y", "short=x,y%2Cz", "tags=a%20b", "tags=c%2Cd"]);
    assert_eq!(told["body"], json!({"name": "onyx"}));
    let sent = (&told["type"], &told["trace"], &told["key"], &told["host"]);
    assert_eq!(sent, (&json!("application/merge-patch+json"), &json!("p,q"), &json!("[secret]"), &json!("a.example")));

    let without = |name: &str, value: Value| {
        let mut changed = arguments.clone();
        changed[name] = value;
        change.run(permit(), changed)
    };
    for (name, value) in [
        ("petId", json!("../admin")),
        ("petId", json!("%2e%2e")),
        ("ids", json!([])),
        ("ids", json!(["x"])),
        ("X-Trace", json!(["a\r\nHost: b"])),
        ("tags", json!([{}])),
        ("filter", json!({"a": {}})),
        ("unknown", json!(1)),
    ] {
        let error = without(name, value.clone()).await.unwrap_err();
        assert!(matches!(error, ToolError::InvalidArguments(_)), "{name} {value}: {error}");
    }
}

#[tokio::test]
async fn answers_are_held_against_the_document() {
    let server = serve(|seen| match seen.line() {
        "GET /v1/pets/1" => json_answer(200, &json!({"id": 1, "name": "onyx", "tag": null})),
        _ => json_answer(200, &json!({"id": "one"})),
    })
    .await;
    let document = PETS_30.replace("https://", "http://");
    let pets = compiled(&document, json!({"include": ["show*"]}), server).ok().unwrap();
    assert_eq!(names(&pets), ["pets/showPetById"]);
    let show = tool(&pets, "showPetById");
    assert_eq!(show.run(permit(), json!({"petId": "1"})).await.unwrap()["name"], "onyx");
    let error = show.run(permit(), json!({"petId": "2"})).await.unwrap_err();
    assert!(error.to_string().contains("not the form"), "{error}");
}

#[test]
fn operations_are_chosen_by_globs() {
    let check = |more: Value, expected: &[&str]| assert_eq!(names(&compiled(PETS_30, more, nowhere()).ok().unwrap()), expected);
    check(json!({"include": ["*Pets", "show*"], "exclude": ["create*"]}), &["pets/listPets", "pets/showPetById"]);
    let none = compiled(PETS_30, json!({"exclude": ["*"]}), nowhere()).err().unwrap();
    assert_eq!(none[0].message, "none of its operations is a tool");
}

#[test]
fn what_an_operation_cannot_do_leaves_out_only_that() {
    let of = |parameter: Value| {
        let document = json!({"openapi": "3.1.0", "servers": [{"url": "http://a.example"}], "paths": {
            "/good": {"get": {}}, "/bad/{id}": {"get": {"parameters": [
                {"name": "id", "in": "path", "required": true, "schema": {}}, parameter]}}}});
        let compiled = compiled(&document.to_string(), json!({}), nowhere()).ok().unwrap();
        assert_eq!(names(&compiled), ["pets/get_good"], "{parameter}");
        assert_eq!(compiled.left_out[0].path, "document.paths[/bad/{id}].get");
        compiled.left_out[0].message.clone()
    };
    assert!(of(json!({"name": "f", "in": "query", "style": "deepObject", "schema": {}})).contains("deepObject"));
    for parameter in [
        json!({"name": "f", "in": "query", "style": "spaceDelimited", "schema": {}}),
        json!({"name": "f", "in": "cookie", "required": true, "schema": {}}),
        json!({"name": "f", "in": "query", "content": {"application/json": {}}}),
        json!({"name": "id", "in": "query", "schema": {}}),
        json!({"name": "other", "in": "path", "required": true, "schema": {}}),
        json!({"name": "Host", "in": "header", "schema": {}}),
        json!({"name": "X\r\nY", "in": "header", "schema": {}}),
        json!({"name": "f", "in": "body"}),
        json!({"in": "query", "schema": {}}),
        json!({"name": "f", "in": "query", "schema": {"$ref": "https://evil.example/x.json"}}),
        json!({"name": "f", "in": "query", "schema": {"$ref": "#/nowhere"}}),
        json!({"name": "f", "in": "query", "schema": {"pattern": "("}}),
        json!({"$ref": "#/paths/~1bad~1{id}/get/parameters/1"}),
    ] {
        of(parameter);
    }
}

#[test]
fn documents_that_are_none_are_told() {
    let check = |document: &str, more: Value, expected: &str| {
        let problems = compiled(document, more, nowhere()).err().unwrap();
        assert!(problems.iter().any(|problem| problem.to_string().contains(expected)), "{expected}: {problems:?}");
    };
    check("", json!({}), "no OpenAPI document");
    check("[1]", json!({}), "no OpenAPI document");
    check(r#"{"swagger": "2.0"}"#, json!({}), "Swagger 2");
    check(r#"{"openapi": "4.0.0"}"#, json!({}), "3.0 and 3.1");
    check(r#"{"openapi": "3.0.0", "paths": {}}"#, json!({}), "none of its operations");
    check(r#"{"openapi": "3.0.0", "paths": {"/x": {"get": {}}}}"#, json!({}), "set `server`");
    check(r#"{"openapi": "3.0.0", "servers": [{"url": "/v1"}], "paths": {"/x": {"get": {}}}}"#, json!({}), "set `server`");
    check(r#"{"openapi": "3.0.0", "servers": [{"url": "http://{h}"}], "paths": {"/x": {"get": {}}}}"#, json!({}), "fixed");
    check(r#"{"openapi": "3.0.0", "servers": [{"url": "file:///etc"}], "paths": {"/x": {"get": {}}}}"#, json!({}), "scheme");
    check(&one(json!({})), json!({"server": "http://a.example/?x", "include": ["[", "a"], "timeout": "0s"}), "include[0]");
    check(&one(json!({})), json!({"headers": [{"name": "Host", "value": "x"}]}), "headers[0].name");
    let many: serde_json::Map<_, _> = (0..300).map(|n| (format!("/x{n}"), json!({"get": {}}))).collect();
    let many = json!({"openapi": "3.0.0", "servers": [{"url": "http://a.example"}], "paths": many}).to_string();
    check(&many, json!({}), "256 is the most");
    assert_eq!(names(&compiled(&many, json!({"include": ["get_x1?"]}), nowhere()).ok().unwrap()).len(), 10);
}

#[test]
fn names_that_meet_are_told_and_the_first_stays() {
    let document = json!({"openapi": "3.1.0", "servers": [{"url": "http://a.example"}],
        "paths": {"/a": {"get": {"operationId": "x y"}, "post": {"operationId": "x/y"}}}});
    let compiled = compiled(&document.to_string(), json!({}), nowhere()).ok().unwrap();
    assert_eq!(names(&compiled), ["pets/x_y"]);
    assert!(compiled.left_out[0].message.contains("pets/x_y"));
}

#[test]
fn schemas_that_double_at_each_level_end_early() {
    let mut schemas = serde_json::Map::new();
    for level in 0..28 {
        let next = format!("#/components/schemas/s{}", level + 1);
        schemas.insert(format!("s{level}"), json!({"properties": {"l": {"$ref": next}, "r": {"$ref": next}}}));
    }
    schemas.insert("s28".into(), json!({"type": "string"}));
    let paths: serde_json::Map<_, _> = (0..200)
        .map(|n| {
            let schema = json!({"$ref": "#/components/schemas/s0"});
            (
                format!("/x{n}"),
                json!({"post": {"requestBody": {"required": true, "content": {"application/json": {"schema": schema}}}}}),
            )
        })
        .collect();
    let document =
        json!({"openapi": "3.0.0", "servers": [{"url": "http://a.example"}], "components": {"schemas": schemas}, "paths": paths});
    let begun = std::time::Instant::now();
    let problems = compiled(&document.to_string(), json!({}), nowhere()).err().unwrap();
    assert_eq!(problems.len(), 201);
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// How large an operation of a hostile document becomes is bounded before it is that large.
#[test]
fn what_is_small_in_the_document_is_not_large_in_a_tool() {
    let document = |schema: Value| {
        let uses: serde_json::Map<_, _> =
            (0..400).map(|n| (format!("p{n}"), json!({"$ref": "#/components/schemas/s"}))).collect();
        let body = json!({"content": {"application/json": {"schema": {"properties": uses}}}});
        json!({"openapi": "3.1.0", "servers": [{"url": "http://a.example"}], "components": {"schemas": {"s": schema}},
            "paths": {"/x": {"post": {"requestBody": body}}}})
        .to_string()
    };
    let names: Vec<_> = (0..40_000).map(|n| format!("n{n}")).collect();
    let long = "x".repeat(400_000);
    for schema in [
        json!({"required": names}),
        json!({"type": names}),
        json!({"description": long}),
        json!({"enum": [long]}),
        json!({"properties": {long.as_str(): {}}}),
        json!({"dependentRequired": {long.as_str(): []}}),
    ] {
        let begun = std::time::Instant::now();
        let problems = compiled(&document(schema), json!({}), nowhere()).err().unwrap();
        let why = &problems[1].message;
        assert!(why.contains("unfold"), "{why}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}

#[test]
fn variables_of_servers_are_written_once_and_stay_short() {
    let of = |url: &str, variables: Value| {
        let server = json!({"url": url, "variables": variables});
        let document = json!({"openapi": "3.0.0", "servers": [server], "paths": {"/x": {"get": {}}}});
        compiled(&document.to_string(), json!({}), nowhere())
    };
    let doubling: serde_json::Map<_, _> = (10..32)
        .map(|n| (format!("v{n}"), json!({"default": format!("{{v{}}}{{v{}}}", n + 1, n + 1)})))
        .chain([("v32".to_owned(), json!({"default": "x"}))])
        .collect();
    for (url, variables) in [
        ("http://a.example/{v10}", json!(doubling)),
        ("http://a.example/{v}", json!({"v": {"default": "x".repeat(400_000)}})),
        ("http://a.example/{v}", json!({"v": {"default": "{w}"}, "w": {"default": "x"}})),
        ("http://a.example/{v", json!({"v": {"default": "x"}})),
        ("http://a.example/{v}", json!({})),
    ] {
        let problems = of(url, variables).err().unwrap();
        assert!(problems[1].message.contains("set `server`"), "{problems:?}");
        assert!(problems[1].message.len() < 4096, "{}", problems[1].message.len());
    }
    let found = of("http://{h}.example:{p}/{b}", json!({"h": {"default": "a"}, "p": {"default": "81"}, "b": {"default": "v2"}}));
    assert_eq!(found.ok().unwrap().places[0].1, 81);
}

#[test]
fn patterns_of_strangers_are_few_and_small() {
    let document = |of_one: usize, pattern: &str| {
        let texts: serde_json::Map<_, _> = (0..of_one)
            .map(|n| (format!("p{n}"), json!({"type": "string", "pattern": pattern.replace('#', &n.to_string())})))
            .collect();
        let body = json!({"content": {"application/json": {"schema": {"properties": texts}}}});
        let paths: serde_json::Map<_, _> = (0..20).map(|n| (format!("/x{n}"), json!({"post": {"requestBody": body}}))).collect();
        json!({"openapi": "3.1.0", "servers": [{"url": "http://a.example"}], "paths": paths}).to_string()
    };
    let begun = std::time::Instant::now();
    let large = compiled(&document(100, r"^(?:\p{L}{200}|#)$"), json!({}), nowhere()).err().unwrap();
    assert!(large[1].message.contains("no JSON Schema"), "{}", large[1]);
    let many = compiled(&document(100, "^(?:a|b#)+$"), json!({}), nowhere()).ok().unwrap();
    assert_eq!((many.tools.len(), many.left_out.len()), (10, 10));
    assert!(many.left_out[0].message.contains("patterns"), "{}", many.left_out[0]);
    for honest in [r"^[a-zA-Z0-9_-]{1,255}$", r"^.{1,1000}$", r"[\p{L}\p{N} ]{1,100}", r"^[\w.%+-]+@[\w.-]+\.[a-z]{2,}$"] {
        assert_eq!(compiled(&document(2, honest), json!({}), nowhere()).ok().unwrap().tools.len(), 20, "{honest}");
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn long_lists_of_parameters_are_not_begun() {
    let list: Vec<_> = (0..20_000).map(|n| json!({"name": format!("p{n}"), "in": "query", "schema": {}})).collect();
    let begun = std::time::Instant::now();
    let problems = compiled(&one(json!({"parameters": list})), json!({}), nowhere()).err().unwrap();
    assert!(problems[1].message.contains("20000 parameters"), "{}", problems[1]);
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}

proptest::proptest! {
    #[test]
    fn no_document_makes_the_compiler_panic(at in 0..PETS_31.len(), with in "[-a-z0-9{}\\[\\]&*:#$/\" \n]{0,12}", cut in 0..40usize) {
        let end = (at + cut).min(PETS_31.len());
        let document = format!("{}{with}{}", &PETS_31[..at], &PETS_31[end..]);
        drop(compiled(&document, json!({}), nowhere()));
    }
}
