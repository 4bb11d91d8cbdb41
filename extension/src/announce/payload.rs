//! What listeners are sent: `{"runs":[{"id":"run_1","root":"run_1","version":12}]}`, or `{"resync":true}`.

use serde_json::Value;

/// Postgres takes payloads of less than 8,000 bytes.
const MAXIMUM_BYTES: usize = 7_999;

/// Tells listeners to read everything that they watch.
pub const RESYNC: &str = r#"{"resync":true}"#;

/// Writes runs (root, id, version) into as few payloads as hold them. One without a version has none there.
pub fn payloads<'a>(runs: impl Iterator<Item = (&'a str, &'a str, Option<i64>)>) -> Vec<String> {
    const START: &str = "{\"runs\":[";
    const END: &str = "]}";
    let mut payloads = Vec::new();
    let mut payload = START.to_owned();
    for (root, id, version) in runs {
        // An id has at most 255 bytes, so that one run always fits, escaped as it may be: at most 1,530 for each.
        let (id, root) = (json_text(id), json_text(root));
        let version = version.map_or(String::new(), |version| format!(",\"version\":{version}"));
        let run = format!("{{\"id\":{id},\"root\":{root}{version}}}");
        if START.len() + run.len() + END.len() > MAXIMUM_BYTES {
            // A plain INSERT can make a longer one.
            payloads.push(RESYNC.to_owned());
            continue;
        }
        if payload.len() + 1 + run.len() + END.len() > MAXIMUM_BYTES {
            payload.push_str(END);
            payloads.push(std::mem::replace(&mut payload, START.to_owned()));
        }
        if payload.len() > START.len() {
            payload.push(',');
        }
        payload.push_str(&run);
    }
    if payload.len() > START.len() {
        payload.push_str(END);
        payloads.push(payload);
    }
    payloads
}

/// Writes a text as JSON in ASCII: a listener whose client_encoding does not have one of its characters would be
/// disconnected (22P05) by a payload that has it.
fn json_text(text: &str) -> String {
    let text = Value::from(text).to_string();
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}
