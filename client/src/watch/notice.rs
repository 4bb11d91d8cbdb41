//! What is announced on the channel.

use serde::Deserialize;

/// A payload, or that one was lost. Members that a newer server adds are ignored.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub(crate) struct Notice {
    pub(crate) runs: Vec<RunNotice>,
    pub(crate) streams: Vec<StreamNotice>,
    /// Everything may have changed.
    pub(crate) resync: bool,
}

/// A run that changed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct RunNotice {
    pub(crate) id: String,
    pub(crate) root: String,
    /// Not known where a list waits for the run, and where it is gone.
    #[serde(default)]
    pub(crate) version: Option<i64>,
}

/// A stream that has grown or was closed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct StreamNotice {
    pub(crate) id: String,
    pub(crate) stream: String,
    /// The number of its last chunk, -1 if it has none.
    pub(crate) last: i64,
    #[serde(default)]
    pub(crate) closed: bool,
}

impl Notice {
    /// Reads a payload. One that cannot be read may have announced anything.
    pub(crate) fn parse(payload: &str) -> Notice {
        serde_json::from_str(payload).unwrap_or_else(|error| {
            tracing::debug!(error = %error, "a notification cannot be read");
            Notice::resync()
        })
    }

    pub(crate) fn resync() -> Notice {
        Notice {
            resync: true,
            ..Notice::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_is_read_and_what_is_not_known_is_ignored() {
        let payload = r#"{"runs":[{"id":"a","root":"b","version":12,"x":1},{"id":"c","root":"c"}],
            "streams":[{"id":"a","root":"b","stream":"logs","last":41,"closed":true}],"later":[]}"#;
        let run = |id: &str, root: &str, version| RunNotice {
            id: id.to_owned(),
            root: root.to_owned(),
            version,
        };
        let expected = Notice {
            runs: vec![run("a", "b", Some(12)), run("c", "c", None)],
            streams: vec![StreamNotice {
                id: "a".to_owned(),
                stream: "logs".to_owned(),
                last: 41,
                closed: true,
            }],
            resync: false,
        };
        assert_eq!(Notice::parse(payload), expected);
    }

    #[test]
    fn payload_that_cannot_be_read_may_mean_anything() {
        for payload in [r#"{"resync":true}"#, "", r#"{"runs":[{}]}"#] {
            assert!(Notice::parse(payload).resync, "{payload}");
        }
    }
}
