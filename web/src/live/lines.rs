//! A request's body that is read as it comes, line by line.

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::StatusCode;
use bytes::BytesMut;
use futures_util::StreamExt as _;

use crate::Problem;
use crate::memory::{COPIES, Held};

/// Bytes of a line. The database takes a quarter of it by default, and says so itself.
const MOST_BYTES: usize = 1024 * 1024;

/// The lines of a body. Empty ones are left out.
pub struct Lines {
    body: BodyDataStream,
    /// What was read of the next lines.
    rest: BytesMut,
    /// How much of it has no end of a line.
    searched: usize,
    has_ended: bool,
    held: Held,
}

impl Lines {
    /// Reads the lines of this body. What it has of them is held of the memory for bodies.
    pub(crate) fn new(body: Body, held: Held) -> Lines {
        Lines {
            body: body.into_data_stream(),
            rest: BytesMut::new(),
            searched: 0,
            has_ended: false,
            held,
        }
    }

    /// Returns the next line, or `None` behind the last, which needs no line break.
    ///
    /// # Errors
    ///
    /// - The connection was lost in the middle of the body: 400. A line without an end is none then.
    /// - The line is too long: 413; or no UTF-8: 400.
    /// - There is not as much memory for bodies: 429 or 503.
    pub async fn next(&mut self) -> Result<Option<String>, Problem> {
        loop {
            match self.line() {
                Some(line) if line.iter().all(u8::is_ascii_whitespace) => {}
                Some(line) => {
                    let line = String::from_utf8(line.into());
                    return line
                        .map(Some)
                        .map_err(|_| Problem::invalid("the body is no UTF-8"));
                }
                None if self.has_ended => return Ok(None),
                None => self.read().await?,
            }
        }
    }

    /// Takes the first line, if all of it was read.
    fn line(&mut self) -> Option<BytesMut> {
        let unsearched = self.rest.iter().skip(self.searched);
        let end = unsearched.copied().position(|byte| byte == b'\n');
        let length = match end {
            Some(end) => self.searched + end + 1,
            None if self.has_ended && !self.rest.is_empty() => self.rest.len(),
            None => {
                self.searched = self.rest.len();
                return None;
            }
        };
        self.searched = 0;
        Some(self.rest.split_to(length))
    }

    async fn read(&mut self) -> Result<(), Problem> {
        match self.body.next().await {
            Some(Ok(bytes)) => {
                self.add(&bytes)?;
                // Those that were taken before this are done with.
                self.held.set(self.rest.len() * COPIES)
            }
            Some(Err(_)) => Err(Problem::invalid("the connection was lost within the body")),
            None => {
                self.has_ended = true;
                Ok(())
            }
        }
    }

    fn add(&mut self, bytes: &Bytes) -> Result<(), Problem> {
        if self.rest.len() > MOST_BYTES {
            let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too large");
            return Err(problem.detail(format!("a line has more than {MOST_BYTES} bytes")));
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn lines(parts: &[&'static str]) -> Lines {
        let parts: Vec<_> = parts
            .iter()
            .map(|part| Ok::<_, std::io::Error>(*part))
            .collect();
        Lines::new(Body::from_stream(stream::iter(parts)), Held::default())
    }

    async fn all(mut lines: Lines) -> Result<Vec<String>, Problem> {
        let mut all = Vec::new();
        while let Some(line) = lines.next().await? {
            all.push(line.trim().to_owned());
        }
        Ok(all)
    }

    #[tokio::test]
    async fn lines_are_those_of_the_text_however_it_is_cut() {
        for parts in [
            &["1\n\"two\"\n\n3"][..],
            &["1", "\n\"t", "wo\"\n", " \r\n3\n"],
            &["", "1\n", "\"two\"\n3", "\n\n"],
        ] {
            assert_eq!(all(lines(parts)).await.unwrap(), ["1", "\"two\"", "3"]);
        }
        assert!(all(lines(&[])).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn line_that_was_cut_with_its_connection_is_none() {
        let parts = [
            Ok("1\n2"),
            Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
        ];
        let mut lines = Lines::new(Body::from_stream(stream::iter(parts)), Held::default());
        assert_eq!(lines.next().await.unwrap().as_deref(), Some("1\n"));
        let error = lines.next().await.unwrap_err();
        assert_eq!(error.status, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn endless_line_is_refused() {
        let part: &'static str = "x".repeat(MOST_BYTES).leak();
        let error = all(lines(&[part, part, part])).await.unwrap_err();
        assert_eq!(error.status, StatusCode::PAYLOAD_TOO_LARGE);
    }
}
