//! Numbers of a document are exact, and a schema compares them as near as it can.

use super::enforced;
use crate::harness::{refusal, rows};

#[tokio::test]
async fn number_past_a_double_is_compared_and_is_no_error() {
    let schema = r#"{"properties": {
        "whole": {"type": "integer"}, "small": {"maximum": 1000}, "large": {"minimum": 1000}, "even": {"multipleOf": 2},
        "one": {"const": 1}, "id": {"enum": [9007199254740993]}, "set": {"uniqueItems": true}
    }}"#;
    let (_database, client) = enforced(schema).await;
    for (key, value) in [
        ("whole", "1e400"),
        ("whole", "1.000"),
        ("whole", "123456789012345678901234567890"),
        ("large", "1e400"),
        ("small", "-1e400"),
        ("even", "1e30"),
        ("one", "1.00"),
        ("id", "9007199254740993"),
        ("set", "[1e400, 2e400, 0.1, 0.10000000000000000001]"),
        ("free", "1e-400"),
    ] {
        let set = format!("SELECT runmeta.set('a', '{key}', '{value}')");
        client
            .batch_execute(&set)
            .await
            .unwrap_or_else(|error| panic!("{set}: {error:?}"));
    }
    for (key, value) in [
        ("whole", "1e-400"),
        ("whole", "123456789012345678901234567890.5"),
        ("small", "1e400"),
        ("large", "-1e400"),
        ("even", "3"),
        ("id", "9007199254740992"),
        ("set", "[1, 1.0]"),
        ("set", "[1e400, 1e400]"),
    ] {
        let set = format!("SELECT runmeta.set('a', '{key}', '{value}')");
        let refused = refusal(client.simple_query(&set).await);
        assert!(refused.starts_with("23514: "), "{set}: {refused}");
    }
    assert_eq!(
        rows(&client, "SELECT count(*) FROM runmeta.contract").await,
        "1"
    );
}
