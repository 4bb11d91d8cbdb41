//! What listeners are sent: `{"runs":[{"id":"run_1","root":"run_1","version":12}]}`, for streams
//! `{"streams":[{"id":"run_1","root":"run_1","stream":"logs","last":41}]}`, both in one object, or `{"resync":true}`.

use serde_json::Value;

/// Postgres takes payloads of less than 8,000 bytes.
const MAXIMUM_BYTES: usize = 7_999;

/// Tells listeners to read everything that they watch.
pub const RESYNC: &str = r#"{"resync":true}"#;

/// A change that is announced.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A run changed.
    Run {
        /// The first run of its tree.
        root: &'a str,
        /// Its id.
        id: &'a str,
        /// Its version; without one, listeners read.
        version: Option<i64>,
    },
    /// A stream was appended to or closed.
    Stream {
        /// The first run of the run's tree.
        root: &'a str,
        /// The run's id.
        id: &'a str,
        /// The stream's name.
        stream: &'a str,
        /// The number of its last chunk, -1 if it has none.
        last: i64,
        /// It was closed.
        closed: bool,
    },
}

/// Writes changes into as few payloads as hold them.
pub fn payloads<'a>(items: impl Iterator<Item = Item<'a>>) -> Vec<String> {
    let mut payloads = Vec::new();
    let mut payload = Payload::default();
    for item in items {
        // An id has at most 255 bytes, so that one change always fits, escaped as it may be: at most 1,530 for each text.
        let text = element(item);
        if Payload::BYTES + text.len() > MAXIMUM_BYTES {
            // A plain INSERT can make a longer one.
            payloads.push(RESYNC.to_owned());
            continue;
        }
        if payload.bytes() + 1 + text.len() > MAXIMUM_BYTES {
            payloads.extend(std::mem::take(&mut payload).write());
        }
        let list = match item {
            Item::Run { .. } => &mut payload.runs,
            Item::Stream { .. } => &mut payload.streams,
        };
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(&text);
    }
    payloads.extend(payload.write());
    payloads
}

/// A payload that is being filled.
#[derive(Default)]
struct Payload {
    runs: String,
    streams: String,
}

impl Payload {
    /// What stands round the elements, at the most.
    const BYTES: usize = r#"{"runs":[],"streams":[]}"#.len();

    fn bytes(&self) -> usize {
        Payload::BYTES + self.runs.len() + self.streams.len()
    }

    fn write(self) -> Option<String> {
        match (self.runs.as_str(), self.streams.as_str()) {
            ("", "") => None,
            (runs, "") => Some(format!("{{\"runs\":[{runs}]}}")),
            ("", streams) => Some(format!("{{\"streams\":[{streams}]}}")),
            (runs, streams) => Some(format!("{{\"runs\":[{runs}],\"streams\":[{streams}]}}")),
        }
    }
}

fn element(item: Item<'_>) -> String {
    match item {
        Item::Run { root, id, version } => {
            let (id, root) = (json_text(id), json_text(root));
            let version =
                version.map_or(String::new(), |version| format!(",\"version\":{version}"));
            format!("{{\"id\":{id},\"root\":{root}{version}}}")
        }
        Item::Stream {
            root,
            id,
            stream,
            last,
            closed,
        } => {
            let (id, root, stream) = (json_text(id), json_text(root), json_text(stream));
            let closed = if closed { ",\"closed\":true" } else { "" };
            format!("{{\"id\":{id},\"root\":{root},\"stream\":{stream},\"last\":{last}{closed}}}")
        }
    }
}

/// Writes a text as JSON in ASCII: a listener whose client_encoding does not have one of its characters would be
/// disconnected (22P05) by a payload that has it.
fn json_text(text: &str) -> String {
    let text = Value::from(text).to_string();
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}
