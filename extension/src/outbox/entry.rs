//! A change as it lies in the outbox.
//!
//! | bytes | |
//! |---|---|
//! | 1 | flags: 1 it is to be announced, 2 a list waits in the inbox |
//! | 1, 1 | lengths of the root's id, 0 if the run is its root, and of the run's |
//! | 8 | version, 0 if it is not known |
//! | 4 | bytes that the document has at the most, where a list waits |
//! | | the root's id, the run's id |

const ANNOUNCED: u8 = 1;
const QUEUED: u8 = 2;
const HEAD: usize = 15;

/// A run that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
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

impl Entry<'_> {
    /// Writes the entry to the end of a buffer. One with an id that no run can have is left out.
    pub fn write(&self, buffer: &mut Vec<u8>) {
        let root = if self.root == self.id { "" } else { self.root };
        let (Ok(root_bytes), Ok(id_bytes)) =
            (u8::try_from(root.len()), u8::try_from(self.id.len()))
        else {
            return;
        };
        let flag = |set, flag| if set { flag } else { 0 };
        buffer.push(flag(self.announced, ANNOUNCED) | flag(self.queued.is_some(), QUEUED));
        buffer.extend([root_bytes, id_bytes]);
        buffer.extend(self.version.unwrap_or(0).to_ne_bytes());
        buffer.extend(self.queued.unwrap_or(0).to_ne_bytes());
        buffer.extend(root.as_bytes());
        buffer.extend(self.id.as_bytes());
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
    let (version, size) = numbers.split_first_chunk::<8>()?;
    let size: &[u8; 4] = size.first_chunk()?;
    let (root, rest) = rest.split_at_checked(usize::from(*root))?;
    let (id, rest) = rest.split_at_checked(usize::from(*id))?;
    let id = std::str::from_utf8(id).ok()?;
    let root = match root {
        [] => id,
        root => std::str::from_utf8(root).ok()?,
    };
    let version = i64::from_ne_bytes(*version);
    let queued = flags & QUEUED != 0;
    let entry = Entry {
        root,
        id,
        version: (version != 0).then_some(version),
        announced: flags & ANNOUNCED != 0,
        queued: queued.then_some(u32::from_ne_bytes(*size)),
    };
    Some((entry, rest))
}
