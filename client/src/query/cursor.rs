//! Where a page of runs ends, as a text for the next request.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::sort::{Kind, Sort};
use crate::new_run::check_text;
use crate::{Error, Snapshot};

/// The last run of a page. As a text it has letters, digits, `-` and `_`, and means something to this crate only.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    pub(crate) sort: Sort,
    pub(crate) key: Key,
    pub(crate) id: String,
}

/// What it is sorted by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Key {
    Time(SystemTime),
    Text(String),
    Number(f64),
}

impl Cursor {
    /// Returns where a list begins that has the runs started after this one, the oldest first.
    pub fn newer_than(run: &Snapshot) -> Cursor {
        Cursor::of_start(run, "created")
    }

    /// Returns where a list begins that has the runs started before this one, the newest first.
    pub fn older_than(run: &Snapshot) -> Cursor {
        Cursor::of_start(run, "-created")
    }

    fn of_start(run: &Snapshot, sort: &str) -> Cursor {
        Cursor {
            sort: Sort::parse(sort).unwrap_or_default(),
            key: Key::Time(run.created_at()),
            id: run.id().to_owned(),
        }
    }

    /// Returns how its list is sorted. The next page must be sorted alike.
    pub fn sort(&self) -> Sort {
        self.sort
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match &self.key {
            Key::Time(at) => match at.duration_since(UNIX_EPOCH) {
                Ok(since) => since.as_micros().to_string(),
                Err(before) => format!("-{}", before.duration().as_micros()),
            },
            Key::Text(text) => text.clone(),
            // Its shortest text that is read back as the same number.
            Key::Number(number) => format!("{number:?}"),
        };
        let text = serde_json::to_string(&(self.sort.to_string(), key, &self.id));
        f.write_str(&URL_SAFE_NO_PAD.encode(text.map_err(|_| fmt::Error)?))
    }
}

impl FromStr for Cursor {
    type Err = Error;

    /// # Errors
    ///
    /// SQLSTATE 22023 for a text that is no cursor.
    fn from_str(text: &str) -> Result<Cursor, Error> {
        parse(text).ok_or_else(|| Error::invalid("the cursor is not one that a page returned"))
    }
}

fn parse(text: &str) -> Option<Cursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (sort, key, id): (String, String, String) = serde_json::from_slice(&bytes).ok()?;
    let sort = Sort::parse(&sort)?;
    check_text("run id", &id).ok()?;
    let key = match sort.kind() {
        Kind::Time => Key::Time(time(key.parse().ok()?)?),
        Kind::Text if key.contains('\0') => return None,
        Kind::Text => Key::Text(key),
        Kind::Number => Key::Number(key.parse().ok()?),
    };
    Some(Cursor { sort, key, id })
}

/// Beyond the years that Postgres has, a time is none.
fn time(micros: i64) -> Option<SystemTime> {
    const YEAR_10000: u64 = 253_402_300_800_000_000;
    if micros.unsigned_abs() > YEAR_10000 {
        return None;
    }
    let since = Duration::from_micros(micros.unsigned_abs());
    match micros >= 0 {
        true => UNIX_EPOCH.checked_add(since),
        false => UNIX_EPOCH.checked_sub(since),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_they_are_written() {
        let at = UNIX_EPOCH + Duration::from_micros(1_767_225_599_999_999);
        for (sort, key) in [
            ("-created", Key::Time(at)),
            ("finished", Key::Time(UNIX_EPOCH - Duration::from_micros(1))),
            ("id", Key::Text("a/\"b\"\n".to_owned())),
            ("-duration", Key::Number(0.1)),
        ] {
            let sort = Sort::parse(sort).unwrap();
            let cursor = Cursor {
                sort,
                key,
                id: "é/../x".to_owned(),
            };
            let text = cursor.to_string();
            assert!(
                text.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            );
            assert_eq!(text.parse::<Cursor>().unwrap(), cursor);
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        for bad in [
            String::new(),
            "ÿ".to_owned(),
            encode("[]"),
            encode(r#"["-created","x","a"]"#),
            encode(r#"["-created","99999999999999999999","a"]"#),
            encode(r#"["-created","9223372036854775807","a"]"#),
            encode(r#"["size","1","a"]"#),
            encode(r#"["id","a",""]"#),
            encode("[\"id\",\"\\u0000\",\"a\"]"),
        ] {
            assert_eq!(
                bad.parse::<Cursor>().unwrap_err().code(),
                Some("22023"),
                "{bad}"
            );
        }
    }
}
