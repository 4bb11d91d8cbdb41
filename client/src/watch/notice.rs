//! What is announced on the channel.

use serde::Deserialize;

use crate::new_run::check_text;

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
    ///
    /// Any role may notify. Ids that no run can have are left out: the server would reject each statement that names one.
    pub(crate) fn parse(payload: &str) -> Notice {
        let mut notice: Notice = serde_json::from_str(payload).unwrap_or_else(|error| {
            tracing::debug!(error = %error, "a notification cannot be read");
            Notice::resync()
        });
        notice
            .runs
            .retain(|run| check_text("run id", &run.id).is_ok());
        notice
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
    fn ids_that_no_run_can_have_are_left_out() {
        let long = "x".repeat(256);
        let payload = format!(
            r#"{{"runs":[{{"id":"\u0000","root":"a"}},{{"id":"","root":"a"}},{{"id":"{long}","root":"a"}},{{"id":"a","root":"a"}}]}}"#
        );
        let notice = Notice::parse(&payload);
        let ids: Vec<_> = notice.runs.iter().map(|run| &*run.id).collect();
        assert_eq!((ids, notice.resync), (vec!["a"], false));
    }

    #[test]
    fn payload_that_cannot_be_read_may_mean_anything() {
        for payload in [r#"{"resync":true}"#, "", r#"{"runs":[{}]}"#] {
            assert!(Notice::parse(payload).resync, "{payload}");
        }
    }
}
