//! `POST /v1/runs/:id/streams/:name`: chunks for a stream.

use std::fmt;

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::api::extract::{self, Asked, At, Whole};
use crate::api::nesting::check_nesting;
use crate::api::operations::replayed;
use crate::live::{Appender, Lines, Target, chunk, while_allowed};
use crate::memory::Held;
use crate::write::new_writer;
use crate::{Caller, Gateway, Problem};

/// The media types of a body with a chunk a line.
const BY_LINE: [&str; 3] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
];

/// Elements of an array, which takes up to 24 bytes of memory for each byte of a short one. It is the number of operations that the
/// database takes at once; lines have no such limit.
const MOST_CHUNKS: usize = 100_000;

/// Appends chunks: the elements of a JSON array, in one batch; or the lines of NDJSON, each as it comes. `close=true` closes the
/// stream behind them.
///
/// With an `Idempotency-Key`, a request that is sent again appends what the one before had not: an array once, and of lines
/// those that are missing. The second request must have the same chunks.
pub(in crate::api) async fn append(
    State(gateway): State<Gateway>,
    caller: Caller,
    At((id, name)): At<(String, String)>,
    Asked(query): Asked<Vec<(String, String)>>,
    headers: HeaderMap,
    held: Held,
    request: Request,
) -> Result<(HeaderMap, Json<Value>), Problem> {
    caller.writes_run(&id)?;
    let closes = query
        .iter()
        .any(|(name, value)| name == "close" && value == "true");
    let key = extract::idempotency_key(&headers)?;
    let writer = match key {
        Some(key) => {
            let words = ["stream", &id, &name, key].map(str::as_bytes);
            caller.writer_named(&words)
        }
        None => new_writer(),
    };
    let client = caller.client().await?;
    let mut appender = Appender::new(client, &id, Target::Own, &name, writer);
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    let appended = match kind.is_some_and(|kind| BY_LINE.contains(&kind)) {
        true => {
            let body = Lines::new(request.into_body(), held, gateway.limits().body_timeout);
            let lines = lines(&mut appender, body, key.is_some());
            while_allowed(&gateway, &caller, lines).await?
        }
        false => {
            let Whole(bytes) = Whole::from_request(request, &gateway).await?;
            array(&mut appender, &bytes).await?
        }
    };
    if closes {
        appender.close().await?;
    }
    let answer = Json(json!({"chunks": appended.chunks}));
    Ok((replayed(appended.is_replay), answer))
}

/// What a request had.
struct Appended {
    chunks: usize,
    /// True if all of it was appended by a request before.
    is_replay: bool,
}

/// Appends an array.
async fn array(appender: &mut Appender, body: &[u8]) -> Result<Appended, Problem> {
    check_nesting(body)?;
    let invalid = |error| {
        Problem::invalid(format!("the body is no array of chunks: {error}")).hint(
            "The body is a JSON array of chunks. A chunk a line needs the content type application/x-ndjson.",
        )
    };
    let chunks: Chunks = serde_json::from_slice(body).map_err(invalid)?;
    if chunks.0.len() > MOST_CHUNKS {
        let title = "too large";
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, title)
            .detail(format!("the array has more than {MOST_CHUNKS} chunks"))
            .hint("Send the chunks in several requests, or as lines.")
            .sqlstate("54000"));
    }
    let is_new = chunks.0.is_empty() || appender.append(&chunks.0).await?;
    Ok(Appended {
        chunks: chunks.0.len(),
        is_replay: !is_new,
    })
}

/// The elements of an array: one more than allowed, if there are more.
struct Chunks(Vec<Box<RawValue>>);

impl<'de> Deserialize<'de> for Chunks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Chunks, D::Error> {
        deserializer.deserialize_seq(Chunks(Vec::new()))
    }
}

impl<'de> Visitor<'de> for Chunks {
    type Value = Chunks;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Chunks, A::Error> {
        while self.0.len() <= MOST_CHUNKS
            && let Some(chunk) = elements.next_element()?
        {
            self.0.push(chunk);
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self)
    }
}

/// Says which line is refused, as those before it are stored.
fn at_line(problem: Problem, before: usize) -> Problem {
    let detail = problem.detail.as_deref().unwrap_or_default();
    let place = format!(
        "line {} (empty ones are not counted): {detail}; the {before} before it are stored",
        before + 1
    );
    problem
        .detail(place)
        .hint("Each line is a JSON value: a text needs quotes, such as \"word\".")
}

/// Appends lines as they come, and counts those too that were there before.
async fn lines(
    appender: &mut Appender,
    mut lines: Lines,
    resumes: bool,
) -> Result<Appended, Problem> {
    let known = match resumes {
        true => usize::try_from(appender.last_sequence().await?).unwrap_or(0),
        false => 0,
    };
    let mut chunks = 0;
    while let Some(line) = lines.next().await? {
        let chunk = chunk(&line).map_err(|problem| at_line(problem, chunks))?;
        chunks += 1;
        if chunks > known {
            appender.resume(chunks as i64 - 1);
            appender.append(&[chunk]).await?;
        }
    }
    appender.resume(chunks as i64);
    Ok(Appended {
        chunks,
        is_replay: chunks > 0 && chunks <= known,
    })
}
