//! The description of the API is what the server answers.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, Web};
use crate::harness::Database;

/// Checks a value against a schema: types, members that must be there, and none that is not described.
fn check(api: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let schema = api.pointer(name.trim_start_matches('#'));
        return check(
            api,
            schema.unwrap_or_else(|| panic!("{name} is missing")),
            value,
            place,
        );
    }
    if let Some(schemas) = schema["anyOf"].as_array() {
        let has_all = |schema: &&Value| {
            let name = schema["$ref"].as_str().unwrap().trim_start_matches('#');
            let required = api.pointer(name).unwrap()["required"].as_array();
            let mut required = required.unwrap().iter();
            required.all(|name| value.get(name.as_str().unwrap()).is_some())
        };
        let schema = schemas.iter().find(has_all);
        let schema = schema.unwrap_or_else(|| panic!("{place} is none of {schemas:?}: {value}"));
        return check(api, schema, value, place);
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(
            words.contains(value),
            "{place} is none of {words:?}: {value}"
        );
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    let is = |kind: &&str| match *kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    assert!(kinds.iter().any(is), "{place} is no {kinds:?}: {value}");
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        check(api, &schema["items"], item, &format!("{place}[{index}]"));
    }
    let (Some(object), Some(properties)) = (value.as_object(), schema["properties"].as_object())
    else {
        return;
    };
    for (name, member) in object {
        let schema = properties.get(name);
        let schema = schema.unwrap_or_else(|| panic!("{place}.{name} is not described"));
        check(api, schema, member, &format!("{place}.{name}"));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(
            object.contains_key(name.as_str().unwrap()),
            "{place}.{name} is missing"
        );
    }
}

#[tokio::test]
async fn answers_are_as_described() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let api = web.get("/openapi.json").await.body;
    let described =
        async |method: Method, route: &str, path: &str, body: Option<Value>, expected: u16| {
            let mut request = web.request(method.clone(), path);
            if let Some(body) = body {
                request = request.json(&body);
            }
            let answer = Answer::of(request.send().await.unwrap()).await;
            let place = format!("{method} {path}");
            assert_eq!(answer.status, expected, "{place}: {answer:?}");
            let operation = &api["paths"][route][method.as_str().to_lowercase()];
            assert!(operation.is_object(), "{place} is not described");
            let content = &operation["responses"][expected.to_string()]["content"];
            let schema = match expected {
                200..300 => &content["application/json"]["schema"],
                _ => content
                    .as_object()
                    .unwrap()
                    .values()
                    .next()
                    .unwrap()
                    .pointer("/schema")
                    .unwrap(),
            };
            assert!(schema.is_object(), "{place}: {operation}");
            check(&api, schema, &answer.body, &place);
        };
    let new = json!({"id": "a", "task": "import", "tags": ["x"], "metadata": {"n": 1}});
    described(Method::POST, "/v1/runs", "/v1/runs", Some(new.clone()), 201).await;
    described(Method::POST, "/v1/runs", "/v1/runs", Some(new), 200).await;
    described(
        Method::POST,
        "/v1/runs",
        "/v1/runs",
        Some(json!({"id": 1})),
        400,
    )
    .await;
    described(
        Method::POST,
        "/v1/runs",
        "/v1/runs",
        Some(json!({"id": "b", "parent": "a"})),
        201,
    )
    .await;
    let lists =
        json!({"operations": [{"type": "remove", "key": "n", "value": 1}], "parentOperations": []});
    described(
        Method::POST,
        "/v1/runs/{id}/operations",
        "/v1/runs/b/operations",
        Some(lists),
        200,
    )
    .await;
    described(
        Method::POST,
        "/v1/operations",
        "/v1/operations",
        Some(json!([{"run": "b", "operations": []}])),
        200,
    )
    .await;
    described(
        Method::POST,
        "/v1/runs/{id}/status",
        "/v1/runs/b/status",
        Some(json!({"status": "running"})),
        200,
    )
    .await;
    described(
        Method::POST,
        "/v1/runs/{id}/finish",
        "/v1/runs/b/finish",
        None,
        200,
    )
    .await;
    described(
        Method::POST,
        "/v1/runs/{id}/finish",
        "/v1/runs/b/finish",
        Some(json!({"status": "failed"})),
        409,
    )
    .await;
    described(
        Method::POST,
        "/v1/tickets",
        "/v1/tickets",
        Some(json!({"path": "/v1/events"})),
        201,
    )
    .await;
    for (route, path, expected) in [
        ("/v1/runs/{id}", "/v1/runs/a", 200),
        ("/v1/runs/{id}", "/v1/runs/b", 200),
        ("/v1/runs/{id}", "/v1/runs/nothing", 404),
        ("/v1/runs", "/v1/runs?limit=1", 200),
        ("/v1/runs", "/v1/runs?limit=9", 200),
        ("/v1/runs", "/v1/runs?limit=0", 400),
        ("/v1/runs/{id}/tree", "/v1/runs/a/tree", 200),
        ("/v1/runs/{id}/rollup", "/v1/runs/a/rollup?key=n", 200),
        ("/v1/runs/{id}/rollup", "/v1/runs/a/rollup?depth=x", 400),
        ("/v1/runs/{id}/streams", "/v1/runs/a/streams", 200),
        ("/v1/tasks", "/v1/tasks", 200),
        ("/v1/tasks/{task}", "/v1/tasks/import", 200),
    ] {
        described(Method::GET, route, path, None, expected).await;
    }
}

#[tokio::test]
async fn description_is_complete() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let api = web.get("/openapi.json").await.body;
    // A license needs a name.
    let info = api["info"].as_object().unwrap();
    assert!(
        info.get("license")
            .is_none_or(|license| license["name"] != "")
    );
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("429"), "{method} {path}");
            let has_body = operation.get("requestBody").is_some();
            assert_eq!(responses.contains_key("408"), has_body, "{method} {path}");
        }
    }
    let events = &api["paths"]["/v1/runs/{id}/events"]["get"]["parameters"];
    let names: Vec<_> = events
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    let expected = [
        "id",
        "select",
        "keep_open",
        "wait",
        "Last-Event-ID",
        "last_event_id",
        "ticket",
    ];
    assert_eq!(names, expected);
}
