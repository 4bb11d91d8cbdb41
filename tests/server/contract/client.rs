//! Contracts by the Rust client.

use runmeta_client::{Client, ContractMode, NewRun};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::harness::{Database, Role};

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Import {
    file: String,
    rows: Option<u64>,
    #[serde(default)]
    steps: Vec<String>,
}

#[tokio::test]
async fn contract_of_a_type_is_declared_and_its_violations_are_told_key_by_key() {
    let database = Database::new().await;
    let client = Client::connect(&database.url()).await.unwrap();
    let declare = || client.declare_contract::<Import>("import", ContractMode::Enforce);
    assert!(declare().await.unwrap());
    assert!(!declare().await.unwrap());

    let new = |id: &str| NewRun::new(id).task("import");
    let refused = client.start(new("none")).await.unwrap_err();
    assert!(refused.is_contract_violation());
    assert_eq!(refused.code(), Some("23514"));
    assert!(!refused.is_retryable() && !refused.is_closed());
    insta::assert_snapshot!(refused, @r#"
    the metadata of run "none" does not fit the contract of its task: At $: "file" is a required property.
    "#);

    let run = client
        .start(new("a").metadata(json!({"file": "a.csv"})))
        .await
        .unwrap();
    let metadata = run.metadata();
    metadata
        .set("rows", "hunter2")
        .set("note", "kept")
        .append("steps", "first");
    let refused = metadata.flush().await.unwrap_err();
    assert!(refused.is_contract_violation());
    assert_eq!(refused.code(), Some("23514"));
    insta::assert_snapshot!(refused, @r#"
    1 operation had no effect: set of run "a" at key "rows": contract (At $.rows: value is not of types "null", "integer".)
    "#);
    insta::assert_snapshot!(refused.detail().unwrap(), @r#"
    At $.rows: value is not of types "null", "integer".
    "#);
    let [unapplied] = refused.unapplied() else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (unapplied.key(), unapplied.reason()),
        (Some("rows"), "contract")
    );

    metadata.increment("rows", 7).flush().await.unwrap();
    metadata.refresh().await.unwrap();
    let document: Import = metadata.typed().unwrap();
    assert_eq!(
        document,
        Import {
            file: "a.csv".into(),
            rows: Some(7),
            steps: vec!["first".into()]
        }
    );

    assert!(client.remove_contract("import").await.unwrap());
    assert!(!client.remove_contract("import").await.unwrap());
    client.start(new("none")).await.unwrap();
}

/// What changes together is refused together.
#[tokio::test]
async fn what_is_recorded_atomically_is_refused_as_a_whole() {
    let database = Database::new().await;
    let client = Client::connect(&database.url()).await.unwrap();
    let schema = json!({"properties": {"rows": {"type": "integer"}}});
    client
        .set_contract("import", &schema, ContractMode::Enforce)
        .await
        .unwrap();
    let run = client.start(NewRun::new("a").task("import")).await.unwrap();
    let metadata = run.metadata();
    metadata.atomically(|metadata| {
        metadata.set("rows", 0.5).set("note", "lost");
    });
    let refused = metadata.flush().await.unwrap_err();
    assert_eq!(refused.unapplied().len(), 2);
    metadata.refresh().await.unwrap();
    assert_eq!(metadata.get::<String>("note"), None);
}

#[tokio::test]
async fn schema_that_is_none_and_a_role_without_rights_are_errors() {
    let writer = Role::with("IN ROLE runmeta_writer");
    let database = Database::new().await;
    let client = Client::connect(&database.url()).await.unwrap();
    let schema = json!({"properties": {"rows": {"minimum": "one"}}});
    let refused = client
        .set_contract("import", &schema, ContractMode::Warn)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("22023"));
    assert!(
        refused
            .detail()
            .unwrap()
            .starts_with("At $.properties.rows.minimum: ")
    );
    let client = Client::builder(&database.url())
        .role(writer.name())
        .connect()
        .await
        .unwrap();
    let refused = client
        .set_contract("import", &json!({}), ContractMode::Warn)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("42501"));
}
