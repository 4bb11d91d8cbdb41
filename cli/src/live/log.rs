//! The log lines of a run: the elements of an array at the key `logs` or `log`.

use serde_json::Value;

/// Where log lines are looked for.
const KEYS: [&str; 2] = ["logs", "log"];

/// Members of an element that hold its text.
const TEXTS: [&str; 3] = ["message", "msg", "text"];

/// Lines that are compared to find the new ones.
const COMPARED: usize = 1_000;

/// Returns the key at which a document has log lines.
pub(crate) fn key(metadata: &Value) -> Option<&'static str> {
    KEYS.into_iter().find(|key| metadata[key].is_array())
}

/// Returns the last lines, oldest first.
pub(crate) fn last(metadata: &Value, count: usize) -> Vec<String> {
    let elements = key(metadata).and_then(|key| metadata[key].as_array());
    let elements = elements.map(Vec::as_slice).unwrap_or_default();
    elements[elements.len().saturating_sub(count)..]
        .iter()
        .map(text)
        .collect()
}

/// Returns the lines of `now` that are not those of `before`, of which the first may be gone.
pub(crate) fn new(before: &Value, now: &Value) -> Vec<String> {
    let (before, mut now) = (last(before, COMPARED), last(now, COMPARED));
    // The longest end of the lines before with which the lines of now begin.
    let known = (0..=before.len().min(now.len()))
        .rev()
        .find(|known| before[before.len() - known..] == now[..*known])
        .unwrap_or_default();
    now.split_off(known)
}

fn text(element: &Value) -> String {
    match element {
        Value::String(text) => text.clone(),
        Value::Object(members) => TEXTS
            .into_iter()
            .find_map(|key| members.get(key)?.as_str().map(str::to_owned))
            .unwrap_or_else(|| element.to_string()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_are_texts_or_have_one() {
        let metadata = json!({"log": ["a", {"level": "warn", "message": "b"}, {"line": 7}, 8]});
        assert_eq!(last(&metadata, 9), ["a", "b", "{\"line\":7}", "8"]);
        assert_eq!(last(&metadata, 2), ["{\"line\":7}", "8"]);
        assert_eq!(last(&json!({"logs": "none"}), 2), Vec::<String>::new());
    }

    #[test]
    fn new_lines_are_those_behind_the_known_ones() {
        let new = |before: Value, now: Value| new(&json!({"logs": before}), &json!({"logs": now}));
        assert_eq!(new(json!(["a"]), json!(["a", "b", "c"])), ["b", "c"]);
        assert_eq!(new(json!(["a", "b"]), json!(["b", "c"])), ["c"]);
        assert_eq!(
            new(json!(["a", "a"]), json!(["a", "a"])),
            Vec::<String>::new()
        );
        assert_eq!(new(json!(["a"]), json!(["x", "y"])), ["x", "y"]);
        assert_eq!(new(json!([]), json!(["a"])), ["a"]);
    }
}
