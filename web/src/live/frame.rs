//! Server-sent events as text, as the HTML standard has them.

use std::fmt::{self, Write as _};

use axum::body::Bytes;
use axum::http::HeaderMap;

use runmeta_client::Json;

use crate::Problem;

/// A line that readers ignore. It shows both sides that the connection is alive.
pub const COMMENT: &[u8] = b":\n\n";

/// An event: its name, the id from which a reader resumes, and its data. Without a name, it is a `message` to an `EventSource`.
///
/// The data is JSON, which has no line breaks as `serde_json` and Postgres write it. If it has some all the same, each line is a
/// line of data, as the standard demands. Names and ids are the gateway's own and have none.
pub fn event(name: Option<&str>, id: Option<i64>, data: &str) -> Bytes {
    let mut text = String::with_capacity(data.len() + 64);
    write(&mut text, name, id, data).unwrap_or_default();
    text.into()
}

/// Says that a run was deleted, or may no longer be read.
pub fn gone(run: &str, version: i64, has_id: bool) -> Bytes {
    let data = Json::from([("id", Json::from(run)), ("version", Json::from(version))]);
    event(Some("gone"), has_id.then_some(version), &data.to_string())
}

/// Says that the reader of a set has the state of every run that there was at first.
pub fn ready() -> Bytes {
    event(Some("ready"), None, "{}")
}

/// Asks readers to reconnect after so many milliseconds, at once.
pub fn reconnect(retry: u64) -> Bytes {
    format!("retry: {retry}\nevent: reconnect\ndata: {{}}\n\n").into()
}

/// Reads the header with which a reader resumes.
///
/// # Errors
///
/// 400 if it is no number.
pub fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let header = headers.get("last-event-id");
    // An `EventSource` that had no id yet sends none, and other clients an empty one.
    let header = header.filter(|value| !value.is_empty());
    let text = header.map(|value| value.to_str().unwrap_or_default());
    text.map(number).transpose()
}

/// Reads the number of an event.
///
/// # Errors
///
/// 400 if it is none.
pub fn number(text: &str) -> Result<i64, Problem> {
    let invalid = |_| Problem::invalid("the id of the last event is a number");
    text.trim().parse().map_err(invalid)
}

fn write(text: &mut String, name: Option<&str>, id: Option<i64>, data: &str) -> fmt::Result {
    if let Some(name) = name {
        writeln!(text, "event: {name}")?;
    }
    if let Some(id) = id {
        writeln!(text, "id: {id}")?;
    }
    // One after the other: a search for either looks at each character, which took most of the time of long chunks.
    for line in data.split('\n').flat_map(|part| part.split('\r')) {
        writeln!(text, "data: {line}")?;
    }
    text.push('\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_has_its_name_its_id_and_its_data() {
        let frame = event(Some("change"), Some(12), r#"{"a":1}"#);
        assert_eq!(frame, "event: change\nid: 12\ndata: {\"a\":1}\n\n");
        assert_eq!(event(None, None, "1"), "data: 1\n\n");
    }

    #[test]
    fn data_with_line_breaks_cannot_end_an_event() {
        let frame = event(None, Some(0), "{\n\n\"a\":\r\n1}");
        let expected = "id: 0\ndata: {\ndata: \ndata: \"a\":\ndata: \ndata: 1}\n\n";
        assert_eq!(frame, expected);
    }
}
