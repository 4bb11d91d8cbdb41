//! What became of each list of operations.
//!
//! It is written as it is serialised: as [`serde_json::Value`]s, 99,000 operations without effect took 166 MB for one request.

use runmeta_client::Sent;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::auth::Write;
use crate::{Caller, Problem};

/// The answer.
#[derive(Serialize)]
struct Results<'a> {
    results: Vec<Outcome<'a>>,
    /// The operations without effect were left out, as there was no memory for them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shortened: bool,
}

#[derive(Serialize)]
struct Outcome<'a> {
    run: &'a str,
    target: &'a str,
    outcome: &'a str,
    version: Option<i64>,
    unapplied: Option<Unapplied<'a>>,
}

/// Operations without effect.
struct Unapplied<'a>(&'a [(usize, String)]);

#[derive(Serialize)]
struct Operation<'a> {
    index: usize,
    reason: &'a str,
}

impl Serialize for Unapplied<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let operations = self.0.iter();
        serializer.collect_seq(operations.map(|(index, reason)| Operation {
            index: *index,
            reason,
        }))
    }
}

/// Bytes of the short form without its outcomes, and of one outcome without the id of its run: the longest words and the longest
/// number.
const FRAME: usize = r#"{"results":[],"shortened":true}"#.len();
const OUTCOME: usize =
    r#"{"run":"","target":"parent","outcome":"unchanged","version":-9223372036854775808,"unapplied":null},"#.len();

/// Returns the bytes that the short form of the answer to these has at most.
pub(super) fn shortest<'a>(writes: impl Iterator<Item = &'a Write<'a>>) -> usize {
    let outcomes = writes.map(|write| {
        let lists = 1 + usize::from(write.parent) + usize::from(write.root);
        lists * (OUTCOME + escaped(write.id))
    });
    FRAME + outcomes.sum::<usize>()
}

/// Returns how many bytes a text may have in JSON.
fn escaped(text: &str) -> usize {
    let bytes = text.bytes().map(|byte| match byte {
        b'"' | b'\\' => 2,
        0..=0x1f => 6,
        _ => 1,
    });
    bytes.sum()
}

/// Returns the answer, short if there is no memory for the whole. It cannot be refused any more: what it tells of has happened.
///
/// # Errors
///
/// 500, which does not happen: it has nothing but texts and numbers.
pub(super) fn of(caller: &Caller, parts: &[Sent]) -> Result<Box<RawValue>, Problem> {
    let whole = write(parts, false)?;
    match caller.has_room(whole.get().len()) {
        true => Ok(whole),
        false => {
            drop(whole);
            write(parts, true)
        }
    }
}

fn write(parts: &[Sent], shortened: bool) -> Result<Box<RawValue>, Problem> {
    let outcome = |part| outcome(part, shortened);
    let results = Results {
        results: parts.iter().map(outcome).collect(),
        shortened,
    };
    to_raw_value(&results).map_err(|_| Problem::failed("the results cannot be written"))
}

fn outcome(part: &Sent, shortened: bool) -> Outcome<'_> {
    Outcome {
        run: &part.run,
        target: part.target,
        outcome: part.outcome,
        version: part.version,
        unapplied: (!shortened).then_some(Unapplied(&part.unapplied)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_form_has_no_more_bytes_than_were_reserved() {
        let ids = ["a", "\u{1}\u{1f}\n\"\\ü\u{7f}"];
        let writes = ids.map(|id| Write {
            id,
            parent: true,
            root: true,
        });
        let outcomes = ids.iter().flat_map(|run| {
            ["self", "parent", "root"].map(|target| Outcome {
                run,
                target,
                outcome: "too_large",
                version: Some(i64::MIN),
                unapplied: None,
            })
        });
        let results = Results {
            results: outcomes.collect(),
            shortened: true,
        };
        let length = to_raw_value(&results).unwrap().get().len();
        let most = shortest(writes.iter());
        assert!((length..length + 100).contains(&most), "{length} {most}");
    }
}
