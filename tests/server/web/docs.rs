//! Each request that `docs/http.md` shows is sent, and the answer that follows it is compared. Its programs and those of
//! `docs/http-jobs.md` are run.

use pretty_assertions::assert_eq;
use reqwest::Method;
use serde_json::Value;

use super::{Answer, Web};
use crate::docs::compare;
use crate::docs::markdown::Document;
use crate::docs::program::{self, Language};
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

/// Returns the blocks of a language in `docs/http.md`.
fn programs(language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(repository("docs/http.md")).unwrap();
    let document = Document::parse(&text, language);
    document.blocks().map(str::to_owned).collect()
}

/// Runs a program beside a gateway, and returns what it prints.
async fn output(web: &Web, language: Language, program: String) -> String {
    let variables = [("GATEWAY", web.url("")), ("KEY", web.key().to_owned())];
    let run = move || {
        language.set_up();
        program::output(language, &program, &variables)
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn documented_tokens_are_accepted() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    web.post("/v1/runs", serde_json::json!({"id": "a"})).await;
    let mut python = programs("python").concat();
    python += "import os\nprint(token(os.environ['KEY'], ['read:runs:a']))\n";
    let mut node = programs("mjs").swap_remove(1);
    node += "console.log(token(process.env.KEY, ['read:runs:a']));\n";
    for (language, program) in [(Language::Python, python), (Language::JavaScript, node)] {
        let token = output(&web, language, program).await;
        let token = token.trim();
        assert_eq!(web.get_as(token, "/v1/runs/a").await.status, 200, "{token}");
        assert_eq!(web.get_as(token, "/v1/runs/b").await.status, 403, "{token}");
    }
}

#[tokio::test]
async fn documented_follower_of_a_set_shows_it_whole() {
    let database = Database::new().await;
    let web = Web::start(&database).await;
    let server = database.connect().await;
    let start =
        "SELECT count(runmeta.start('run ' || n, tags => '{x}')) FROM generate_series(1, 200) AS n";
    server.batch_execute(start).await.unwrap();
    let page = programs("js").swap_remove(0);
    let (_, merge) = page.split_once("// A JSON merge patch").unwrap();
    let follow = programs("mjs").swap_remove(0);
    let program = format!(
        "{follow}\n// {merge}
        let shown = 0;
        await followSet('tag=x', process.env.KEY, (runs) => {{
          if (shown++ === 0) {{
            console.log(runs.size);
            const headers = {{ authorization: `Bearer ${{process.env.KEY}}` }};
            const body = JSON.stringify({{ operations: [{{ type: 'set', key: 'n', value: 1 }}] }});
            fetch(`${{process.env.GATEWAY}}/v1/runs/run%201/operations`, {{ method: 'POST', headers, body }});
          }}
          if (runs.get('run 1').metadata.n === 1) {{
            console.log(runs.size, runs.get('run 1').version);
            process.exit();
          }}
        }}, process.env.GATEWAY);"
    );
    let shown = output(&web, Language::JavaScript, program).await;
    assert_eq!(shown, "200\n200 2\n");
}

#[tokio::test]
async fn jobs_over_http_tell_the_truth() {
    let database = Database::with_worker().await;
    let web = Web::start(&database).await;
    let file = repository("docs/http-jobs.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut document = Document::parse(&text, "python");
    let blocks: Vec<_> = document.blocks().map(str::to_owned).collect();
    let variables = [("GATEWAY", web.url("")), ("KEY", web.key().to_owned())];
    let run = move || {
        Language::Python.set_up();
        let blocks: Vec<_> = blocks.iter().map(String::as_str).collect();
        program::run(&variables, Language::Python, &blocks)
    };
    let outputs = tokio::task::spawn_blocking(run).await.unwrap();
    for (index, output) in outputs.iter().enumerate() {
        assert!(document.has_output(index) || output.is_empty(), "{output}");
    }
    document.set_outputs(&outputs);
    compare(&file, &text, &document.to_string());
}
