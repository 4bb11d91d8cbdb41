//! What refusals say, and what they do not give away.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, Web};
use crate::harness::Database;

async fn with_child() -> (Database, Web) {
    let database = Database::new().await;
    let start = "SELECT runmeta.start('a', tags => '{x}'), runmeta.start('b', parent_run_id => 'a', tags => '{x}')";
    database.connect().await.batch_execute(start).await.unwrap();
    let web = Web::start(&database).await;
    (database, web)
}

#[tokio::test]
async fn refusal_names_the_scopes_that_would_do_whether_there_is_such_a_run_or_not() {
    let (_database, web) = with_child().await;
    let token = web.token(&["read:runs:z", "write:runs:z", "write:tags:x"]);
    let hint = |answer: Answer| {
        assert_eq!(answer.status, 403, "{answer:?}");
        answer.body["hint"].as_str().unwrap().to_owned()
    };
    for id in ["a", "nothing"] {
        let get = async |path: &str| hint(web.get_as(&token, path).await);
        let run = format!(
            "It needs the scope read:runs:{id}, or read:tags:TAG, read:tasks:TASK or read:tree:ROOT with a tag, the task or the root of the run."
        );
        assert_eq!(get(&format!("/v1/runs/{id}")).await, run);
        assert_eq!(get(&format!("/v1/runs/{id}/events")).await, run);
        let set = format!("It needs the scope read:tags:{id}, or read:runs for all runs.");
        assert_eq!(get(&format!("/v1/runs?tag={id}")).await, set);
        assert_eq!(get(&format!("/v1/events?tag={id}")).await, set);
        let start = web.post_as(&token, "/v1/runs", json!({"id": id})).await;
        assert_eq!(hint(start), format!("It needs the scope write:runs:{id}."));
    }
    // The parent of a run is not named to who may not know it.
    for id in ["b", "nothing"] {
        let body = json!({"parentOperations": []});
        let answer = web
            .post_as(&token, &format!("/v1/runs/{id}/operations"), body)
            .await;
        assert_eq!(
            hint(answer),
            format!(
                "It needs the scope write:runs:{id}, or write:tags:TAG, write:tasks:TASK or write:tree:ROOT with a tag, the task or the root of the run; and for operations of its parent, write:tree:ROOT, or write:runs: with their ids."
            )
        );
    }
}

#[tokio::test]
async fn scopes_that_are_unknown_are_told_and_those_of_others_accepted() {
    let (_database, web) = with_child().await;
    let token = web.token(&[
        "reads:runs:a",
        "read:run:a",
        "trigger:tasks:t",
        "write:runs:a",
    ]);
    let refused = web.get_as(&token, "/v1/runs/a").await;
    assert_eq!(
        (refused.status, &refused.body["detail"]),
        (
            403,
            &json!(
                "the scopes of the token do not include this; without effect, as the gateway does not know them: \"reads:runs:a\", \"read:run:a\", \"trigger:tasks:t\""
            )
        )
    );
    let body = json!({"operations": []});
    let written = web.post_as(&token, "/v1/runs/a/operations", body).await;
    assert_eq!(written.status, 200, "{written:?}");
}

#[tokio::test]
async fn bodies_that_do_not_fit_are_told_what_is_expected() {
    let (_database, web) = with_child().await;
    for (path, body, detail, hint) in [
        (
            "/v1/runs/a/operations",
            json!([]),
            "the body is an array, and an object is expected",
            "The body is an object with operations, parentOperations or rootOperations, each an array of operations.",
        ),
        (
            "/v1/operations",
            json!({}),
            "the body is an object, and an array is expected",
            "The body is an array of objects, each with run, and with operations, parentOperations or rootOperations.",
        ),
        (
            "/v1/operations",
            json!([{"run": 7}]),
            "[0].run is 7, and a text is expected",
            "The body is an array of objects, each with run, and with operations, parentOperations or rootOperations.",
        ),
        (
            "/v1/runs",
            json!({"id": "c", "attempt": "1"}),
            "attempt is the text \"1\", and a whole number below 2147483648 is expected",
            "The body is an object with id, and if need be metadata, parent, task, tags, status and attempt.",
        ),
        (
            "/v1/runs/a/status",
            json!({}),
            "the body lacks the member status",
            "The body is an object with status, which may have attempt.",
        ),
    ] {
        let answer = web.post(path, body).await;
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.body["detail"], json!(detail), "{path}");
        assert_eq!(answer.body["hint"], json!(hint), "{path}");
        assert_eq!(answer.body["sqlstate"], json!("22023"), "{path}");
    }
    let cut = web
        .request(Method::POST, "/v1/runs")
        .body("{\"id\":")
        .send()
        .await;
    let cut = Answer::of(cut.unwrap()).await;
    assert_eq!((cut.status, &cut.body["sqlstate"]), (400, &json!("22P02")));
    assert_eq!(cut.body["title"], json!("the body is not JSON"));
    for (query, detail) in [
        ("limit=x", "limit is a whole number"),
        ("roots=maybe", "roots is true or false"),
    ] {
        let answer = web.get(&format!("/v1/runs?{query}")).await;
        assert_eq!(
            (answer.status, &answer.body["detail"]),
            (400, &json!(detail))
        );
    }
}

#[tokio::test]
async fn id_with_a_slash_that_is_not_encoded_is_told() {
    let (_database, web) = with_child().await;
    web.post("/v1/runs", json!({"id": "day/1"})).await;
    assert_eq!(web.get("/v1/runs/day%2F1").await.status, 200);
    for path in ["/v1/runs/day/1", "/v1/runs/day/1/events"] {
        let answer = web.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        let hint: &Value = &answer.body["hint"];
        assert!(hint.as_str().unwrap().contains("a%2Fb"), "{hint}");
    }
}

#[tokio::test]
async fn refusals_say_what_is_missing() {
    let (_database, web) = with_child().await;
    let token = web.token(&["read:all", "write:all"]);
    let metrics = web.get_as(&token, "/metrics").await;
    let detail = "this needs a secret key, and the request has a token";
    assert_eq!(
        (metrics.status, &metrics.body["detail"]),
        (403, &json!(detail))
    );
    let metadata = web.request_as(&token, Method::PUT, "/api/v1/runs/a/metadata");
    let answer = Answer::of(metadata.json(&json!({})).send().await.unwrap()).await;
    assert_eq!(
        answer.body,
        json!({"error": format!("not allowed: {detail}")})
    );
}

#[tokio::test]
async fn what_the_database_says_of_a_batch_is_told_in_words_of_the_body() {
    let (_database, web) = with_child().await;
    for (path, body, status, sqlstate, said) in [
        (
            "/v1/runs",
            json!({"id": ""}),
            400,
            "22023",
            "id: there is no text of 1 to 255 bytes",
        ),
        (
            "/v1/runs",
            json!({"id": "c", "tags": "a"}),
            400,
            "22023",
            "tags: there is no array",
        ),
        (
            "/v1/runs",
            json!({"id": "c", "status": "completed"}),
            400,
            "22023",
            "End it with POST /v1/runs/:id/finish.",
        ),
        (
            "/v1/runs/a/status",
            json!({"status": "completed"}),
            400,
            "22023",
            "End it with POST /v1/runs/:id/finish.",
        ),
        (
            "/v1/runs/a/finish",
            json!({"status": "running"}),
            400,
            "22023",
            "POST /v1/runs/:id/status",
        ),
        (
            "/v1/runs/a/finish",
            json!({"attempt": 7}),
            409,
            "55000",
            "has not begun",
        ),
    ] {
        let answer = web.post(path, body).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.body["sqlstate"], json!(sqlstate), "{answer:?}");
        let text = answer.body.to_string();
        assert!(text.contains(said) && !text.contains("[0]"), "{text}");
    }
}

#[tokio::test]
async fn method_that_a_path_lacks_is_told_with_those_that_it_has() {
    let (_database, web) = with_child().await;
    let answer = web.request(Method::PUT, "/v1/runs/a").send().await;
    let answer = Answer::of(answer.unwrap()).await;
    assert_eq!(answer.status, 405);
    assert!(answer.header("allow").contains("GET"), "{answer:?}");
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("PUT") && detail.contains("Allow"),
        "{detail}"
    );
}

#[tokio::test]
async fn chunks_that_are_no_json_are_told_with_their_line() {
    let (_database, web) = with_child().await;
    let post = async |kind: &str, body: &'static str| {
        let request = web.request(Method::POST, "/v1/runs/a/streams/words");
        let request = request.header("content-type", kind.to_owned()).body(body);
        Answer::of(request.send().await.unwrap()).await
    };
    let lines = post("application/x-ndjson", "\"one\"\n\ntwo\n\"three\"\n").await;
    assert_eq!(lines.status, 400, "{lines:?}");
    let text = lines.body.to_string();
    for part in ["line 2", "the 1 before it are stored", "needs quotes"] {
        assert!(text.contains(part), "{text}");
    }
    let array = post("text/plain", "\"one\"\n\"two\"\n").await;
    assert_eq!(array.status, 400, "{array:?}");
    let hint = array.body["hint"].as_str().unwrap();
    assert!(hint.contains("application/x-ndjson"), "{hint}");
}
