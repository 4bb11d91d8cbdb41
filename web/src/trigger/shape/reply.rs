//! The answer to a poll of the shape log.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, header};
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::request::Position;
use super::row::{self, Skip};

/// Bytes of rows in one answer. Beyond, the client asks for the rest, and shows nothing until that is there. A guess.
pub(super) const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Rows that changed, and where the client is with them.
#[derive(Debug)]
pub(super) struct Reply {
    position: Position,
    /// The changes, as JSON with commas between them.
    messages: String,
    is_up_to_date: bool,
}

impl Reply {
    pub(super) fn new(position: Position) -> Reply {
        Reply {
            position,
            messages: String::new(),
            is_up_to_date: true,
        }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, id: &str, value: Map<String, Value>, is_new: bool) {
        let operation = if is_new { "insert" } else { "update" };
        let headers = json!({"operation": operation});
        self.message(&json!({"key": row::key(id), "value": value, "headers": headers}));
    }

    /// Notes that more follows, which the client is to ask for at once.
    pub(super) fn is_continued(&mut self) {
        self.is_up_to_date = false;
    }

    /// Makes the response.
    ///
    /// It has the headers of both generations of clients. The schema and the cursor are each needed only at times, and do no harm.
    pub(super) fn into_response(mut self, skip: &Skip) -> Response<Body> {
        if self.is_up_to_date {
            self.message(&json!({"headers": {"control": "up-to-date"}}));
        }
        let body = format!("[{}]", self.messages);
        let mut response = body.into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let cursor = fastrand::u32(..).to_string();
        let up_to_date = self.is_up_to_date.then(String::new);
        for (name, value) in [
            ("electric-handle", Some(self.position.handle.clone())),
            ("electric-shape-id", Some(self.position.handle)),
            ("electric-offset", Some(self.position.offset.clone())),
            ("electric-chunk-last-offset", Some(self.position.offset)),
            ("electric-schema", Some(row::schema(skip))),
            ("electric-cursor", Some(cursor)),
            ("electric-up-to-date", up_to_date),
        ] {
            // A handle of the client's own may hold anything but what a header can not.
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        response
    }

    fn message(&mut self, message: &Value) {
        if !self.messages.is_empty() {
            self.messages.push(',');
        }
        self.messages.push_str(&message.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(reply: Reply) -> (Response<()>, Value) {
        let (parts, body) = reply.into_response(&Skip::default()).into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&body).unwrap();
        (Response::from_parts(parts, ()), body)
    }

    fn position() -> Position {
        Position {
            handle: "h".to_owned(),
            offset: "3_0".to_owned(),
        }
    }

    #[tokio::test]
    async fn rows_are_followed_by_the_note_that_lets_the_client_show_them() {
        let mut reply = Reply::new(position());
        reply.row("a", Map::new(), true);
        reply.row("b", Map::new(), false);
        let (response, body) = answered(reply).await;
        assert_eq!(
            body,
            json!([
                {"key": "\"public\".\"TaskRun\"/\"a\"", "value": {}, "headers": {"operation": "insert"}},
                {"key": "\"public\".\"TaskRun\"/\"b\"", "value": {}, "headers": {"operation": "update"}},
                {"headers": {"control": "up-to-date"}},
            ])
        );
        let headers = response.headers();
        for (modern, old) in [
            ("electric-handle", "electric-shape-id"),
            ("electric-offset", "electric-chunk-last-offset"),
        ] {
            assert_eq!(headers[modern], headers[old]);
        }
        for name in ["electric-schema", "electric-cursor", "electric-up-to-date"] {
            assert!(headers.contains_key(name), "{name}");
        }
    }

    #[tokio::test]
    async fn part_of_the_rows_is_not_shown_yet() {
        let mut reply = Reply::new(position());
        reply.row("a", Map::new(), true);
        reply.is_continued();
        let (response, body) = answered(reply).await;
        assert_eq!(body.as_array().map(Vec::len), Some(1));
        assert!(!response.headers().contains_key("electric-up-to-date"));
    }
}
