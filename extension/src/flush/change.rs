//! Reading the members of an entry that change its run and not its document:
//! `"start":{"metadata":{…},"parent":"run_1","task":"import","tags":["nightly"],"status":"queued","attempt":1}`,
//! `"status":"running"` and `"finish":"completed"`; with the attempt, `"finish":{"status":"failed","attempt":2}`.
//!
//! What has another type than the argument of the single call makes the batch malformed. A value that no run can have is
//! refused for its run alone, later. JSON null stands for an argument that is left out.

use runmeta_core::Tree;
use runmeta_core::wire::MAXIMUM_TAGS;

use super::batch::{Change, bad, unknown};
use crate::jsonb::{Node, View};
use crate::refusal::Refusal;
use crate::run::{self, NewRun};

/// Reads a start of this run.
///
/// # Errors
///
/// [`Refusal::BadBatch`] with the place of the first fault.
pub fn read_start<'a>(
    run: &'a str,
    start: View<'a>,
    place: &impl Fn() -> String,
) -> Result<NewRun<'a>, Refusal> {
    let View::Object(members) = start else {
        return Err(bad(place(), "there is no object"));
    };
    let mut new = NewRun::of(run);
    for (name, value) in members.members() {
        let at = || format!("{}.{}", place(), String::from_utf8_lossy(name));
        match (name, value) {
            (b"metadata" | b"parent" | b"task" | b"tags" | b"status" | b"attempt", View::Null) => {}
            (b"metadata", value) => new.metadata = value,
            (b"parent", value) => new.parent = Some(text(value, &at)?),
            (b"task", value) => new.task = Some(text(value, &at)?),
            (b"tags", value) => new.tags = tags(value, &at)?,
            (b"status", value) => new.status = text(value, &at)?,
            (b"attempt", value) => new.attempt = Some(attempt(value, &at)?),
            _ => return Err(unknown(place(), &String::from_utf8_lossy(name))),
        }
    }
    Ok(new)
}

/// Reads a status that is to be set.
///
/// # Errors
///
/// As [`read_start`].
pub fn read_status<'a>(
    status: View<'a>,
    place: &impl Fn() -> String,
) -> Result<Change<'a>, Refusal> {
    let (status, attempt) = read(status, place)?;
    let status = status.ok_or_else(|| bad(place(), "status is missing"))?;
    Ok(Change { status, attempt })
}

/// Reads the end of an attempt.
///
/// # Errors
///
/// As [`read_start`].
pub fn read_finish<'a>(
    finish: View<'a>,
    place: &impl Fn() -> String,
) -> Result<Change<'a>, Refusal> {
    let (status, attempt) = read(finish, place)?;
    let status = status.unwrap_or(run::COMPLETED);
    Ok(Change { status, attempt })
}

/// Reads a text, or an object with a status and an attempt.
fn read<'a>(
    change: View<'a>,
    place: &impl Fn() -> String,
) -> Result<(Option<&'a str>, Option<i32>), Refusal> {
    let View::Object(members) = change else {
        return Ok((Some(text(change, place)?), None));
    };
    let (mut status, mut number) = (None, None);
    for (name, value) in members.members() {
        let at = || format!("{}.{}", place(), String::from_utf8_lossy(name));
        match (name, value) {
            (b"status" | b"attempt", View::Null) => {}
            (b"status", value) => status = Some(text(value, &at)?),
            (b"attempt", value) => number = Some(attempt(value, &at)?),
            _ => return Err(unknown(place(), &String::from_utf8_lossy(name))),
        }
    }
    Ok((status, number))
}

fn text<'a>(value: View<'a>, place: &impl Fn() -> String) -> Result<&'a str, Refusal> {
    value
        .as_str()
        .ok_or_else(|| bad(place(), "there is no text"))
}

fn tags<'a>(value: View<'a>, place: &impl Fn() -> String) -> Result<Vec<&'a str>, Refusal> {
    let View::Array(elements) = value else {
        return Err(bad(place(), "there is no array"));
    };
    let tag = |(index, tag)| text(tag, &|| format!("{}[{index}]", place()));
    // One more than a run may have is enough to refuse it.
    let read = elements.elements().take(MAXIMUM_TAGS + 1);
    read.enumerate().map(tag).collect()
}

/// Reads the number of an attempt: 0, which none has, for one that is no whole number or out of range.
pub(super) fn attempt(value: View<'_>, place: &impl Fn() -> String) -> Result<i32, Refusal> {
    let View::Number(_) = value else {
        return Err(bad(place(), "there is no number"));
    };
    let number = Node::View(value).as_u64();
    Ok(number
        .and_then(|number| number.try_into().ok())
        .unwrap_or(0))
}
