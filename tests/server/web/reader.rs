//! A reader of server-sent events.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Map, Value};

use super::Web;

/// One connection that reads events.
pub struct Reader {
    response: Response,
    text: Vec<u8>,
}

/// An event as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub name: String,
    /// Empty if it has none.
    pub id: String,
    pub data: Value,
}

/// What comes next on a connection.
#[derive(Debug, PartialEq)]
pub enum Next {
    Event(Event),
    /// The body ended as it should.
    End,
    /// The connection broke.
    Broken,
}

impl Reader {
    /// Begins to read a path with the secret key.
    pub async fn of(web: &Web, path: &str) -> Reader {
        Reader::resumed(web, web.key(), path, None).await.unwrap()
    }

    /// Begins to read a path with this key or token.
    pub async fn of_as(web: &Web, key: &str, path: &str) -> Reader {
        Reader::resumed(web, key, path, None).await.unwrap()
    }

    /// Goes on behind the event of this id. Returns the status if there is nothing to be read.
    pub async fn resumed(
        web: &Web,
        key: &str,
        path: &str,
        last: Option<&str>,
    ) -> Result<Reader, StatusCode> {
        let mut request = web.request_as(key, Method::GET, path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        match response.status() {
            StatusCode::OK => Ok(Reader::new(response)),
            status => Err(status),
        }
    }

    /// Reads this response.
    pub fn new(response: Response) -> Reader {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let text = Vec::new();
        Reader { response, text }
    }

    /// Returns what comes next. Comments are passed over.
    pub async fn next(&mut self) -> Next {
        loop {
            if let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.text.drain(..end + 2).collect();
                match parse(std::str::from_utf8(&event).unwrap()) {
                    Some(event) => return Next::Event(event),
                    None => continue,
                }
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.text.extend_from_slice(&bytes),
                Ok(None) => return Next::End,
                Err(_) => return Next::Broken,
            }
        }
    }

    /// Returns the next event, which there must be.
    pub async fn event(&mut self) -> Event {
        match self.next().await {
            Next::Event(event) => event,
            other => panic!("no event, but {other:?}"),
        }
    }
}

fn parse(text: &str) -> Option<Event> {
    let mut event = Event {
        name: "message".to_owned(),
        id: String::new(),
        data: Value::Null,
    };
    let mut data = None;
    for line in text.lines() {
        match line.split_once(": ") {
            Some(("event", name)) => event.name = name.to_owned(),
            Some(("id", id)) => event.id = id.to_owned(),
            Some(("data", line)) => data = Some(line),
            _ => {}
        }
    }
    event.data = serde_json::from_str(data?).unwrap();
    Some(event)
}

/// The run as somebody sees it who applies each event to what was there before.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub object: Value,
    pub version: i64,
    pub has_ended: bool,
    /// How often it was taken whole, and how often changed.
    pub snapshots: u32,
    pub changes: u32,
}

impl View {
    /// Takes an event of one run. A version never goes back, and a change is one of the version before.
    pub fn take(&mut self, event: &Event) {
        let data = &event.data;
        match event.name.as_str() {
            "snapshot" => {
                self.object = data.clone();
                self.snapshots += 1;
            }
            "change" => {
                assert_eq!(data["from"], self.version, "{event:?}");
                merge(&mut self.object, &data["patch"]);
                self.changes += 1;
            }
            "end" => {
                self.has_ended = true;
                return;
            }
            name => panic!("unexpected event {name}"),
        }
        let version = data["version"].as_i64().unwrap();
        assert!(version > self.version, "{version} after {}", self.version);
        self.version = version;
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let members = target.as_object_mut().unwrap();
    for (name, change) in changes {
        match change {
            Value::Null => drop(members.remove(name)),
            change => merge(members.entry(name).or_insert(Value::Null), change),
        }
    }
}
