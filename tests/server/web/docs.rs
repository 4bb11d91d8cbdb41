//! Each request that `docs/http.md` shows is sent, and the answer that follows it is compared.

use pretty_assertions::assert_eq;
use reqwest::Method;
use serde_json::Value;

use super::{Answer, Web};
use crate::harness::{Database, repository};

/// Returns the requests, each with the answer behind it: JSON, or the text of events.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    let requests = text.split("```http\n").skip(1);
    requests
        .map(|part| {
            let (request, rest) = part.split_once("```\n```").expect("an answer follows");
            let (kind, rest) = rest.split_once('\n').expect("the block has a line");
            assert!(["json", "text"].contains(&kind), "{kind}");
            (request, rest.split_once("```").expect("the block ends").0)
        })
        .collect()
}

/// Returns JSON, or an array with the lines of events, their data as JSON.
fn parse(text: &str) -> Value {
    let line = |line: &str| match line.strip_prefix("data: ") {
        Some(data) => serde_json::from_str(data).expect("data of events is JSON"),
        None => Value::from(line),
    };
    serde_json::from_str(text).unwrap_or_else(|_| text.trim_end().lines().map(line).collect())
}

/// Makes all times the same.
fn without_times(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members
                .iter_mut()
                .for_each(|(name, member)| match name.ends_with("_at") {
                    true => *member = Value::from("then"),
                    false => without_times(member),
                })
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}

#[tokio::test]
async fn requests_are_answered_as_shown() {
    let text = std::fs::read_to_string(repository("docs/http.md")).unwrap();
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let blocks = blocks(&text);
    assert_eq!(blocks.len(), 9);
    for (request, expected) in blocks {
        let (line, body) = request.split_once('\n').unwrap();
        let (method, path) = line.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let sent = web.request(method, path).body(body.to_owned()).send().await;
        let mut answer = match Answer::of(sent.unwrap()).await.body {
            Value::String(events) => parse(&events),
            body => body,
        };
        let mut expected = parse(expected);
        without_times(&mut answer);
        without_times(&mut expected);
        assert_eq!(answer, expected, "{line}");
    }
}
