//! A request's body that is read as it comes, line by line.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::StatusCode;
use bytes::BytesMut;
use futures_util::StreamExt as _;
use tokio::time::{Instant, timeout_at};

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
    /// How long a line may take, from its first byte.
    line_timeout: Duration,
    /// When the line that has no end yet is to have one.
    deadline: Option<Instant>,
}

impl Lines {
    /// Reads the lines of this body. What it has of them is held of the memory for bodies, so that each is to be there within a time.
    /// Between two lines, any time may pass.
    pub(crate) fn new(body: Body, held: Held, line_timeout: Duration) -> Lines {
        Lines {
            body: body.into_data_stream(),
            rest: BytesMut::new(),
            searched: 0,
            has_ended: false,
            held,
            line_timeout,
            deadline: None,
        }
    }

    /// Returns the next line, or `None` behind the last, which needs no line break.
    ///
    /// # Errors
    ///
    /// - The connection was lost in the middle of the body: 400. A line without an end is none then.
    /// - The line is too long: 413; or no UTF-8: 400; or its end takes too long: 408.
    /// - There is not as much memory for bodies: 429 or 503.
    pub async fn next(&mut self) -> Result<Option<String>, Problem> {
        loop {
            let line = self.line();
            if line.is_some() {
                self.deadline = None;
            }
            match line {
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
        let part = match self.rest.is_empty() {
            true => self.body.next().await,
            false => {
                let deadline = Instant::now() + self.line_timeout;
                let deadline = *self.deadline.get_or_insert(deadline);
                let part = timeout_at(deadline, self.body.next()).await;
                part.map_err(|_| self.too_slow())?
            }
        };
        match part {
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

    fn too_slow(&self) -> Problem {
        let problem = Problem::new(StatusCode::REQUEST_TIMEOUT, "the body took too long");
        let seconds = self.line_timeout.as_secs();
        problem.detail(format!("a line did not end within {seconds} s"))
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
        of(Body::from_stream(stream::iter(parts)))
    }

    fn of(body: Body) -> Lines {
        Lines::new(body, Held::default(), SECOND)
    }

    const SECOND: Duration = Duration::from_secs(1);

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
        let mut lines = of(Body::from_stream(stream::iter(parts)));
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

    #[tokio::test(start_paused = true)]
    async fn line_ends_in_its_time_and_the_next_may_begin_at_any() {
        let parts = [
            (0, "1"),
            (900, "\n"),
            (60_000, "2"),
            (900, "2\n3"),
            (900, "3"),
            (900, "\n"),
        ];
        let body = stream::iter(parts).then(async |(pause, part)| {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            Ok::<_, std::io::Error>(part)
        });
        let mut lines = of(Body::from_stream(Box::pin(body)));
        for line in ["1\n", "22\n"] {
            assert_eq!(lines.next().await.unwrap().as_deref(), Some(line));
        }
        // Bytes that come in time are no end.
        let error = lines.next().await.unwrap_err();
        assert_eq!(error.status, StatusCode::REQUEST_TIMEOUT);
    }
}
