//! What a poll of the shape log asks for.

use std::time::Duration;

use super::row::Skip;

/// The part of a set that is seen if the caller names none, as on Trigger.dev.
const DEFAULT_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// A poll.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Poll {
    /// The handle and the offset that the client has; `None` if it begins.
    pub(super) resume: Option<Position>,
    /// Waits for something new.
    pub(super) live: bool,
    pub(super) skip: Skip,
    /// All of these, for a set.
    pub(super) tags: Vec<String>,
    /// How old runs of a set may be.
    pub(super) window: Duration,
}

/// Where a client is in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) handle: String,
    pub(super) offset: String,
}

impl Poll {
    /// Reads the query of a poll. Old clients name the handle `shape_id`.
    ///
    /// # Errors
    ///
    /// The window is no time: what it is instead.
    pub(super) fn parse(query: &[(String, String)]) -> Result<Poll, String> {
        let of = |name: &str| {
            let found = query.iter().find(|(key, _)| key == name);
            found
                .map(|(_, value)| value.as_str())
                .filter(|value| !value.is_empty())
        };
        let list = |name: &str| {
            let parts = of(name).into_iter().flat_map(|list| list.split(','));
            parts.map(str::trim).filter(|part| !part.is_empty())
        };
        let handle = of("handle").or(of("shape_id"));
        let offset = of("offset").filter(|offset| *offset != "-1");
        let position = |(handle, offset): (&str, &str)| Position {
            handle: handle.to_owned(),
            offset: offset.to_owned(),
        };
        let window = match of("createdAt") {
            Some(text) => duration(text).ok_or_else(|| text.to_owned())?,
            None => DEFAULT_WINDOW,
        };
        Ok(Poll {
            resume: handle.zip(offset).map(position),
            live: of("live") == Some("true"),
            skip: Skip::new(list("skipColumns")),
            tags: list("tags").map(str::to_owned).collect(),
            window,
        })
    }
}

/// Reads a time such as `1h`, `30m` or `2d`; without a unit, it is seconds.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    let count = digits.parse::<u32>().ok()?;
    Some(Duration::from_secs(u64::from(count) * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Poll, String> {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let pairs: Vec<_> = pairs
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Poll::parse(&pairs)
    }

    #[test]
    fn first_poll_has_no_position() {
        let poll = parse("offset=-1&log=full&handle=a").unwrap();
        assert_eq!((poll.resume, poll.live), (None, false));
        assert_eq!(poll.window, DEFAULT_WINDOW);
    }

    #[test]
    fn later_polls_have_one_under_either_name() {
        for name in ["handle", "shape_id"] {
            let poll = parse(&format!("{name}=h&offset=3_0&live=true&cursor=1")).unwrap();
            let position = poll.resume.unwrap();
            assert_eq!((&*position.handle, &*position.offset), ("h", "3_0"));
            assert!(poll.live);
        }
    }

    #[test]
    fn set_is_named_by_tags_and_a_window() {
        let poll = parse("tags=a, b,&createdAt=2h&skipColumns=metadata,output").unwrap();
        assert_eq!(poll.tags, ["a", "b"]);
        assert_eq!(poll.window, Duration::from_secs(7_200));
        assert!(poll.skip.has("metadata") && poll.skip.has("output"));
    }

    #[test]
    fn window_has_one_of_five_units() {
        let seconds =
            ["90", "90s", "2m", "1h", "3d", "1w"].map(|text| duration(text).unwrap().as_secs());
        assert_eq!(seconds, [90, 90, 120, 3_600, 259_200, 604_800]);
        for text in ["", "h", "-1h", "1y", "1h30m", "99999999999s", "1é"] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(parse("createdAt=soon"), Err("soon".to_owned()));
    }
}
