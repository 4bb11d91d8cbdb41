//! What generators of clients need of the description.

use serde_json::{Value, json};

use super::JSON;

fn api() -> Value {
    serde_json::from_slice(&JSON).unwrap()
}

fn schema(name: &str) -> Value {
    let schema = api()["components"]["schemas"][name].take();
    assert!(!schema.is_null(), "{name} is missing");
    schema
}

fn names(values: &Value) -> Vec<&str> {
    let values = values.as_array().unwrap().iter();
    values.filter_map(Value::as_str).collect()
}

#[test]
fn objects_of_the_caller_take_any_member() {
    let operations = schema("Operation");
    let merge = &operations["oneOf"][5]["properties"]["value"];
    let update = &operations["oneOf"][6]["properties"]["value"];
    let (run, new) = (schema("Run"), schema("NewRun"));
    for free in [
        &run["properties"]["metadata"],
        &new["properties"]["metadata"],
        merge,
        update,
    ] {
        assert_eq!(free["additionalProperties"], true, "{free}");
    }
}

#[test]
fn operations_are_told_apart_by_their_type() {
    let operation = schema("Operation");
    let kinds: Vec<_> = operation["oneOf"].as_array().unwrap().iter().collect();
    let of = |kind: &Value| {
        let members = kind["properties"].as_object().unwrap();
        let required = names(&kind["required"]);
        let optional = |name: &str| if required.contains(&name) { "" } else { "?" };
        let names: Vec<_> = members
            .keys()
            .filter(|name| *name != "type")
            .map(|name| format!("{name}{}", optional(name)))
            .collect();
        assert!(required.contains(&"type"));
        let kind = names_of_type(kind);
        format!("{kind}: {}", names.join(" "))
    };
    let kinds: Vec<_> = kinds.into_iter().map(of).collect();
    insta::assert_snapshot!(kinds.join("\n"), @r"
    set: key value
    delete: key
    append: keep? key value
    remove: key value
    increment: key value?
    merge: key? value
    update: value
    ");
}

fn names_of_type(kind: &Value) -> String {
    names(&kind["properties"]["type"]["enum"]).join(" ")
}

#[test]
fn words_of_answers_are_enumerated() {
    assert_eq!(schema("Target")["enum"], json!(["self", "parent", "root"]));
    let reasons = schema("Reason");
    for reason in ["not_an_array", "unknown_member", "id_is_taken"] {
        assert!(names(&reasons["enum"]).contains(&reason), "{reasons}");
    }
    let outcomes = schema("OutcomeKind");
    let refused = ["not_found", "closed", "stale", "too_large", "invalid"];
    for outcome in ["applied", "unchanged", "queued", "duplicate"]
        .into_iter()
        .chain(refused)
    {
        assert!(names(&outcomes["enum"]).contains(&outcome), "{outcomes}");
    }
}

#[test]
fn alternatives_that_overlap_are_any_of() {
    assert_eq!(
        schema("ChangedRun")["anyOf"],
        json!([{"$ref": "#/components/schemas/Run"}, {"$ref": "#/components/schemas/Changed"}])
    );
}

#[test]
fn chunks_may_be_lines() {
    let api = api();
    let append = &api["paths"]["/v1/runs/{id}/streams/{name}"]["post"]["requestBody"]["content"];
    for kind in ["application/json", "application/x-ndjson"] {
        assert!(append[kind].is_object(), "{append}");
    }
}

#[test]
fn event_streams_are_resumed_by_a_header() {
    let api = api();
    for path in ["/v1/runs/{id}/events", "/v1/runs/{id}/streams/{name}"] {
        let parameters = api["paths"][path]["get"]["parameters"].as_array();
        let is = |one: &Value| one["name"] == "Last-Event-ID" && one["in"] == "header";
        assert!(parameters.unwrap().iter().any(is), "{path}");
    }
}

#[test]
fn every_refusal_is_declared_as_a_problem() {
    let api = api();
    assert_eq!(api["servers"], json!([{"url": "/"}]));
    let paths = api["paths"].as_object().unwrap();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            let takes = operation.get("parameters").is_some() || method == "post";
            assert_eq!(responses.contains_key("400"), takes, "{method} {path}");
            for (status, response) in responses {
                let content = response["content"].as_object();
                let is_problem =
                    content.is_some_and(|content| content.contains_key("application/problem+json"));
                assert_eq!(
                    is_problem,
                    status.starts_with('4') || status.starts_with('5')
                );
            }
        }
    }
    assert!(api["paths"]["/v1/runs"]["post"]["responses"]["404"].is_object());
}
