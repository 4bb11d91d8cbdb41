//! Claims of tokens as other programs write them, and what is wrong with them.

use serde_json::json;

use super::auth::{status, with_runs};
use super::{Answer, KEY, now, sign};

#[tokio::test]
async fn tokens_are_read_as_other_programs_write_them() {
    let (_database, web) = with_runs().await;
    let until = (now() + 60) as f64 + 0.5;
    let fraction = sign(KEY, json!({"scopes": ["read:runs:a"], "exp": until}));
    assert_eq!(status(&web, &fraction, "/v1/runs/a").await, 200);
    for (claims, detail) in [
        (
            json!({"scopes": []}),
            "the claims of the token have another form: the token lacks the member exp",
        ),
        (
            json!({"scopes": [], "exp": now() + 60, "nbf": now() + 50}),
            "the token is not valid yet: see its nbf",
        ),
        (
            json!({"scopes": "read:runs", "exp": now() + 60}),
            "the claims of the token have another form: the token: scopes is an array of texts, such as [\"read:runs:ID\"]",
        ),
        (
            json!({"scopes": ["read:runs"], "exp": (now() + 60) * 1000}),
            "the token expires in more than 10 years",
        ),
    ] {
        let answer = web.get_as(&sign(KEY, claims), "/v1/runs/a").await;
        assert_eq!(answer.status, 401);
        let said = answer.body["detail"].as_str().unwrap();
        assert!(said.starts_with(detail), "{said}");
    }
    let bare = web
        .get_as(&sign(KEY, json!({"exp": now() + 60})), "/v1/runs/a")
        .await;
    assert_eq!(
        (bare.status, &bare.body["detail"]),
        (403, &json!("the token has no claim scopes"))
    );
    let ticket = reqwest::get(web.url("/v1/events?all&ticket=a.b.c")).await;
    let ticket = Answer::of(ticket.unwrap()).await;
    assert_eq!(
        (ticket.status, &ticket.body["title"]),
        (401, &json!("no valid ticket"))
    );
}
