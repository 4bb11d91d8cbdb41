//! A change as it lies in the outbox.
//!
//! | bytes | |
//! |---|---|
//! | 1 | flags: 1 it is to be announced, 2 a list waits in the inbox, 4 it is a stream's, 8 the stream was closed, 16 it is a job's |
//! | 1, 1 | lengths of the root's id, 0 if the run is its root, and of the run's |
//! | 8 | version, 0 if it is not known; of a stream the number of its last chunk |
//! | 4 | bytes that the document has at the most, where a list waits; of a stream the length of its name |
//! | | the root's id, the run's id, the stream's name |
//!
//! That of a job has the id of its run, or none if too many changed to be named.

const ANNOUNCED: u8 = 1;
const QUEUED: u8 = 2;
const STREAM: u8 = 4;
const CLOSED: u8 = 8;
const JOB: u8 = 16;
const HEAD: usize = 15;

/// A change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A run changed.
    Run(RunEntry<'a>),
    /// A stream was appended to or closed.
    Stream(StreamEntry<'a>),
    /// The job of this run changed in its queue. Without an id, all that was recorded is to be looked through.
    Job(&'a str),
}

/// A run that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunEntry<'a> {
    /// The first run of its tree.
    pub root: &'a str,
    /// Its id.
    pub id: &'a str,
    /// Its version; `None` if it is not known, because lists wait.
    pub version: Option<i64>,
    /// Listeners are to be notified.
    pub announced: bool,
    /// A list waits in the inbox. Bytes that the run's document has.
    pub queued: Option<u32>,
}

/// A stream that was appended to or closed, of which listeners are to be notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamEntry<'a> {
    /// The first run of the run's tree.
    pub root: &'a str,
    /// The run's id.
    pub id: &'a str,
    /// The stream's name.
    pub name: &'a str,
    /// The number of its last chunk, -1 if it has none.
    pub last: i64,
    /// It was closed.
    pub closed: bool,
}

impl Entry<'_> {
    /// Writes the entry to the end of a buffer. One with an id or a name that nothing can have is left out.
    pub fn write(&self, buffer: &mut Vec<u8>) {
        let flag = |set, flag| if set { flag } else { 0 };
        let (flags, root, id, number, other, name) = match self {
            Entry::Run(run) => (
                flag(run.announced, ANNOUNCED) | flag(run.queued.is_some(), QUEUED),
                run.root,
                run.id,
                run.version.unwrap_or(0),
                run.queued.unwrap_or(0),
                "",
            ),
            Entry::Stream(stream) => (
                ANNOUNCED | STREAM | flag(stream.closed, CLOSED),
                stream.root,
                stream.id,
                stream.last,
                u32::try_from(stream.name.len()).unwrap_or(u32::MAX),
                stream.name,
            ),
            Entry::Job(run) => (JOB, *run, *run, 0, 0, ""),
        };
        let root = if root == id { "" } else { root };
        let length = |text: &str| u8::try_from(text.len());
        let (Ok(root_bytes), Ok(id_bytes), Ok(_)) = (length(root), length(id), length(name)) else {
            return;
        };
        buffer.push(flags);
        buffer.extend([root_bytes, id_bytes]);
        buffer.extend(number.to_ne_bytes());
        buffer.extend(other.to_ne_bytes());
        buffer.extend(root.as_bytes());
        buffer.extend(id.as_bytes());
        buffer.extend(name.as_bytes());
    }
}

/// Reads the entries of a buffer, as far as they can be read.
pub fn entries(mut buffer: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    std::iter::from_fn(move || {
        let (entry, rest) = read(buffer)?;
        buffer = rest;
        Some(entry)
    })
}

fn read(buffer: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let (head, rest) = buffer.split_first_chunk::<HEAD>()?;
    let [flags, root, id, numbers @ ..] = head;
    let (number, other) = numbers.split_first_chunk::<8>()?;
    let number = i64::from_ne_bytes(*number);
    let other = u32::from_ne_bytes(*other.first_chunk::<4>()?);
    let (root, rest) = rest.split_at_checked(usize::from(*root))?;
    let (id, rest) = rest.split_at_checked(usize::from(*id))?;
    let id = std::str::from_utf8(id).ok()?;
    let root = match root {
        [] => id,
        root => std::str::from_utf8(root).ok()?,
    };
    if flags & JOB != 0 {
        return Some((Entry::Job(id), rest));
    }
    if flags & STREAM == 0 {
        let run = RunEntry {
            root,
            id,
            version: (number != 0).then_some(number),
            announced: flags & ANNOUNCED != 0,
            queued: (flags & QUEUED != 0).then_some(other),
        };
        return Some((Entry::Run(run), rest));
    }
    let (name, rest) = rest.split_at_checked(usize::try_from(other).ok()?)?;
    let stream = StreamEntry {
        root,
        id,
        name: std::str::from_utf8(name).ok()?,
        last: number,
        closed: flags & CLOSED != 0,
    };
    Some((Entry::Stream(stream), rest))
}
