//! Depending on `runmeta-client` changes nothing in the rest of a program.
//!
//! Cargo switches on a feature for everybody who shares the crate. With serde_json's `arbitrary_precision`, each of these
//! programs fails or prints something else.

#![cfg(test)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// So that the client is really linked.
#[test]
fn client_is_there() {
    let error = runmeta_client::metadata::try_get::<f64>("progress").unwrap_err();
    assert!(!error.is_retryable());
}

#[test]
fn flatten_beside_a_float() {
    #[derive(Deserialize, Debug, PartialEq)]
    struct Reading {
        value: f64,
        #[serde(flatten)]
        rest: Rest,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    struct Rest {
        scale: f64,
    }

    let reading: Reading = serde_json::from_str(r#"{"value": 1.5, "scale": 0.25}"#).unwrap();
    let rest = Rest { scale: 0.25 };
    assert_eq!(reading, Reading { value: 1.5, rest });
}

#[test]
fn enum_with_a_tag() {
    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(tag = "type")]
    enum Shape {
        Circle { radius: f64 },
    }

    let shape: Shape = serde_json::from_str(r#"{"type": "Circle", "radius": 2.5}"#).unwrap();
    assert_eq!(shape, Shape::Circle { radius: 2.5 });
}

#[test]
fn untagged_enum() {
    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(untagged)]
    enum Setting {
        Number(f64),
        Text(String),
    }

    let settings: Vec<Setting> = serde_json::from_str(r#"[0.5, "half"]"#).unwrap();
    let half = Setting::Text("half".to_owned());
    assert_eq!(settings, [Setting::Number(0.5), half]);
}

#[test]
fn equal_numbers_are_equal_values() {
    let read: Value = serde_json::from_str("1.50").unwrap();
    assert_eq!(read, json!(1.5));
    assert_eq!(read.to_string(), "1.5");
}

#[test]
fn values_in_other_formats() {
    let text = toml::to_string(&json!({"port": 5432})).unwrap();
    assert_eq!(text, "port = 5432\n");

    #[derive(Serialize)]
    struct Config {
        limits: BTreeMap<&'static str, Value>,
    }

    let limits = BTreeMap::from([("load", json!(0.75))]);
    let text = toml::to_string(&Config { limits }).unwrap();
    assert_eq!(text, "[limits]\nload = 0.75\n");
}
