//! Reading a batch: what `runmeta.flush` takes.

use runmeta_core::wire::{EntryMember, MAXIMUM_OPERATIONS, MAXIMUM_TAGS, Part, Target, fits_text};
use runmeta_core::{Json, Members, Operation, Parsed, parse_list, status};

use super::stream::Append;
use crate::Error;

/// An entry of a batch.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) run: String,
    /// In the order in which they take effect.
    pub(super) parts: Vec<Content>,
}

/// What a part of an entry is to do.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Start(Start),
    Operations(Target, Vec<Parsed<Json>>),
    Stream(Target, String, Append),
    Status(Change),
    Finish(Change),
}

/// The start of a run, or of another attempt at it.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) metadata: Json,
    pub(super) parent: Option<String>,
    pub(super) task: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) status: String,
    pub(super) attempt: Option<i32>,
}

/// A status that a run is to get, and the attempt that it must be at.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) status: String,
    pub(super) attempt: Option<i32>,
}

impl Entry {
    /// Returns the number of operations and streams.
    pub(super) fn operations(&self) -> usize {
        let count = |content: &Content| match content {
            Content::Operations(_, list) => list.len(),
            Content::Stream(..) => 1,
            _ => 0,
        };
        self.parts.iter().map(count).sum()
    }
}

impl Content {
    /// Returns the part and the target with which the answer names it.
    pub(super) fn kind(&self) -> (Part, Target) {
        match self {
            Content::Start(_) => (Part::Start, Target::Own),
            Content::Operations(target, _) => (Part::Operations, *target),
            Content::Stream(target, ..) => (Part::Stream, *target),
            Content::Status(_) => (Part::Status, Target::Own),
            Content::Finish(_) => (Part::Finish, Target::Own),
        }
    }

    /// Returns the stream that it is for.
    pub(super) fn stream(&self) -> Option<&str> {
        match self {
            Content::Stream(_, stream, _) => Some(stream),
            _ => None,
        }
    }
}

impl Change {
    /// Returns why no run can get this status, with `is_misplaced` for words that mean the opposite, if so.
    fn fault(
        &self,
        is_misplaced: fn(&str) -> bool,
        misplaced: &'static str,
    ) -> Option<&'static str> {
        match fits_text(&self.status) {
            false => Some("bad_length"),
            true => is_misplaced(&self.status).then_some(misplaced),
        }
    }

    pub(super) fn fault_as_status(&self) -> Option<&'static str> {
        self.fault(status::is_final, "final_status")
    }

    pub(super) fn fault_as_finish(&self) -> Option<&'static str> {
        self.fault(status::is_unfinished, "unfinished_status")
    }
}

impl Start {
    /// Returns why no run can be started like this, if so.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let fits = |text: &String| fits_text(text);
        let document = Operation::Update {
            value: self.metadata.clone(),
        };
        // In the order of the extension, where several are wrong.
        if !self.task.iter().all(fits) {
            Some("bad_length")
        } else if self.tags.len() > MAXIMUM_TAGS {
            Some("too_many_tags")
        } else if !self.tags.iter().chain([&self.status]).all(fits) {
            Some("bad_length")
        } else if status::is_final(&self.status) {
            Some("final_status")
        } else if self.attempt.is_some_and(|attempt| attempt < 1) {
            Some("bad_attempt")
        } else if document.check().is_err() {
            Some("bad_metadata")
        } else {
            None
        }
    }
}

/// Reads a batch.
///
/// # Errors
///
/// A batch that is malformed is rejected as a whole: SQLSTATE 22023; 54000 if it has too many operations.
pub(super) fn read(text: &str) -> Result<Vec<Entry>, Error> {
    let batch = Json::parse(text).map_err(|error| Error::answered("22P02", &error.to_string()))?;
    if has_nul(&batch) {
        return Err(Error::answered(
            "22P05",
            "\\u0000 cannot be converted to text",
        ));
    }
    let entries = batch.as_array().ok_or_else(|| bad("the top"))?;
    let entries = entries
        .iter()
        .map(read_entry)
        .collect::<Result<Vec<_>, _>>()?;
    let operations: usize = entries.iter().map(Entry::operations).sum();
    match entries.len().max(operations) > MAXIMUM_OPERATIONS {
        true => Err(Error::answered("54000", "too many operations")),
        false => Ok(entries),
    }
}

fn read_entry(entry: &Json) -> Result<Entry, Error> {
    let members = entry.as_object().ok_or_else(|| bad("an entry"))?;
    for (name, _) in members.iter() {
        EntryMember::parse(name).ok_or_else(|| bad(name))?;
    }
    let run = text(members, EntryMember::Run.name())?.filter(|run| fits_text(run));
    if members.get(EntryMember::Root.name()).is_some() {
        let root = text(members, EntryMember::Root.name())?;
        root.filter(|root| fits_text(root))
            .ok_or_else(|| bad("root"))?;
    }
    let mut parts = Vec::new();
    for member in EntryMember::ALL {
        let Some(value) = members.get(member.name()) else {
            continue;
        };
        parts.push(match member {
            EntryMember::Run | EntryMember::Root => continue,
            EntryMember::Start => Content::Start(read_start(value)?),
            EntryMember::Operations(target) => {
                let list = parse_list(value).map_err(|_| bad(target.list()))?;
                Content::Operations(target, list)
            }
            EntryMember::Streams(target) => {
                let streams = value.as_object().ok_or_else(|| bad(target.streams()))?;
                for (stream, append) in streams.iter() {
                    let name = Some(stream).filter(|name| fits_text(name));
                    let name = name.ok_or_else(|| bad(target.streams()))?.to_owned();
                    parts.push(Content::Stream(target, name, read_append(append)?));
                }
                continue;
            }
            EntryMember::Status => Content::Status(read_change(value, None)?),
            EntryMember::Finish => Content::Finish(read_change(value, Some("completed"))?),
        });
    }
    Ok(Entry {
        run: run.ok_or_else(|| bad("run"))?,
        parts,
    })
}

fn read_start(start: &Json) -> Result<Start, Error> {
    let members = start.as_object().ok_or_else(|| bad("start"))?;
    check_names(
        members,
        &["metadata", "parent", "task", "tags", "status", "attempt"],
    )?;
    let tags = match given(members, "tags") {
        None => Vec::new(),
        Some(tags) => {
            let tags = tags.as_array().ok_or_else(|| bad("tags"))?.iter();
            let tag = |tag: &Json| tag.as_str().map(str::to_owned);
            tags.map(tag)
                .collect::<Option<_>>()
                .ok_or_else(|| bad("tags"))?
        }
    };
    let metadata = given(members, "metadata").cloned();
    Ok(Start {
        metadata: metadata.unwrap_or_else(|| Json::Object(Members::new())),
        parent: text(members, "parent")?,
        task: text(members, "task")?,
        tags,
        status: text(members, "status")?.unwrap_or_else(|| "running".to_owned()),
        attempt: attempt(members)?,
    })
}

/// Reads a status, or an object with a status and an attempt.
fn read_change(change: &Json, default: Option<&str>) -> Result<Change, Error> {
    if let Some(status) = change.as_str() {
        return Ok(Change {
            status: status.to_owned(),
            attempt: None,
        });
    }
    let members = change.as_object().ok_or_else(|| bad("status"))?;
    check_names(members, &["status", "attempt"])?;
    let status = text(members, "status")?.or_else(|| default.map(str::to_owned));
    Ok(Change {
        status: status.ok_or_else(|| bad("status"))?,
        attempt: attempt(members)?,
    })
}

/// Reads an array of chunks, or an object with one and what ends the stream.
fn read_append(append: &Json) -> Result<Append, Error> {
    let read = |chunks: &Json| match chunks.as_array() {
        Some(chunks) => Ok(chunks.iter().cloned().collect()),
        None => Err(bad("chunks")),
    };
    let Some(members) = append.as_object() else {
        return Ok(Append {
            chunks: read(append)?,
            is_last: false,
            error: None,
            attempt: None,
        });
    };
    check_names(members, &["chunks", "closed", "error", "attempt"])?;
    let error = text(members, "error")?;
    let closed =
        given(members, "closed").map(|closed| closed.as_bool().ok_or_else(|| bad("closed")));
    Ok(Append {
        chunks: given(members, "chunks").map_or(Ok(Vec::new()), read)?,
        is_last: error.is_some() || closed.transpose()?.unwrap_or(false),
        error,
        attempt: attempt(members)?,
    })
}

/// Returns a member that is there and not null.
fn given<'a>(members: &'a Members, name: &str) -> Option<&'a Json> {
    members.get(name).filter(|value| !value.is_null())
}

fn text(members: &Members, name: &str) -> Result<Option<String>, Error> {
    let text = |value: &Json| value.as_str().map(str::to_owned).ok_or_else(|| bad(name));
    given(members, name).map(text).transpose()
}

/// Reads the number of an attempt: 0, which none has, for one that is no whole number or out of range.
fn attempt(members: &Members) -> Result<Option<i32>, Error> {
    let read = |value: &Json| {
        let number = value.as_number().ok_or_else(|| bad("attempt"))?;
        let whole = number.as_u64().and_then(|number| number.try_into().ok());
        Ok(whole.unwrap_or(0))
    };
    given(members, "attempt").map(read).transpose()
}

fn check_names(members: &Members, known: &[&str]) -> Result<(), Error> {
    match members.iter().find(|(name, _)| !known.contains(name)) {
        Some((name, _)) => Err(bad(name)),
        None => Ok(()),
    }
}

/// Returns true if a text or a name has a character that JSONB cannot hold.
fn has_nul(value: &Json) -> bool {
    match value {
        Json::String(text) => text.contains('\0'),
        Json::Array(elements) => elements.iter().any(has_nul),
        Json::Object(members) => members
            .iter()
            .any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

fn bad(place: &str) -> Error {
    Error::answered("22023", &format!("malformed batch at {place}"))
}
