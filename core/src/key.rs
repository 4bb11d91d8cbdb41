//! Keys and paths: where in a document an operation works.
//!
//! A key that does not begin with `$.` is one top-level name, whatever characters it has. A key that
//! does is a path of steps: `.name`, `.0` or `[0]`, `["any text"]`, and `\.` for a dot in a name. A
//! backslash before anything else is an ordinary character, as it is in the reference.

use compact_str::CompactString;
use thin_vec::ThinVec;

use crate::weight::{compact_weight, container};
use crate::wire::MAXIMUM_KEY_BYTES;
use crate::{BadPath, MAXIMUM_DEPTH, Reason};

/// A key of an operation, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    text: CompactString,
    /// None for a plain key, whose only step is its text.
    path: ThinVec<PathStep>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PathStep {
    name: CompactString,
    index: Option<i64>,
}

/// One step of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// The name to follow in an object.
    pub name: &'a str,
    /// The position to follow in an array; negative counts from the end. `None` if the step is no
    /// number.
    pub index: Option<i64>,
}

impl Step<'_> {
    /// Returns the position that this step means in an array of `length` elements.
    ///
    /// The position may equal `length`: that is where an element would be added.
    ///
    /// # Errors
    ///
    /// [`Reason::IndexOutOfRange`] beyond that, and for a step that is no number.
    pub fn position(&self, length: usize) -> Result<usize, Reason> {
        let index = self.index.ok_or(Reason::IndexOutOfRange)?;
        let position = if index < 0 {
            length.checked_sub(usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX))
        } else {
            usize::try_from(index).ok().filter(|at| *at <= length)
        };
        position.ok_or(Reason::IndexOutOfRange)
    }
}

impl Key {
    /// Reads a key.
    ///
    /// # Errors
    ///
    /// [`BadPath`] if it begins with `$.` and is no path, has more steps than a document has levels,
    /// or more than [`MAXIMUM_KEY_BYTES`] bytes.
    pub fn parse(text: &str) -> Result<Key, BadPath> {
        if text.len() > MAXIMUM_KEY_BYTES {
            return Err(BadPath::new(
                MAXIMUM_KEY_BYTES,
                "a key of more than 65536 bytes goes on",
            ));
        }
        if let Some(offset) = text.find('\0') {
            return Err(BadPath::new(offset, "the character U+0000 stands"));
        }
        let path = match text.strip_prefix("$.") {
            Some(_) => Reader { text, at: 2 }.steps()?,
            None => ThinVec::new(),
        };
        Ok(Key {
            text: text.into(),
            path,
        })
    }

    /// Returns the key as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns true if the key is a top-level name and no path.
    pub fn is_plain(&self) -> bool {
        self.path.is_empty()
    }

    /// Returns the number of steps: 1 for a plain key.
    pub fn len(&self) -> usize {
        self.path.len().max(1)
    }

    /// Returns false: a key has at least one step.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Returns the steps from the top of the document down.
    pub fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        let plain = self.path.is_empty().then_some(Step {
            name: &self.text,
            index: None,
        });
        let path = self.path.iter();
        plain.into_iter().chain(path.map(|step| Step {
            name: &step.name,
            index: step.index,
        }))
    }

    /// Estimates the bytes of memory that the key takes beside its own place.
    pub(crate) fn weight(&self) -> usize {
        let steps = self.path.iter().map(|step| compact_weight(&step.name));
        let path = container(self.path.capacity(), size_of::<PathStep>());
        compact_weight(&self.text) + path + steps.sum::<usize>()
    }

    /// Returns true if what one key addresses contains, or is, what the other addresses in any
    /// document. May return true where that is never so.
    pub fn overlaps(&self, other: &Key) -> bool {
        self.steps().zip(other.steps()).all(|(mine, theirs)| {
            // In an array, `-1` and `2` may be one element, and adding or deleting one moves others.
            mine.name == theirs.name || (mine.index.is_some() && theirs.index.is_some())
        })
    }
}

/// Reads the steps of a path from left to right.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn steps(mut self) -> Result<ThinVec<PathStep>, BadPath> {
        let mut steps = ThinVec::new();
        loop {
            // The first step follows `$.`, so a bracket may stand directly behind that dot.
            let step = match self.rest().as_bytes().first() {
                Some(b'[') if steps.is_empty() || self.text.as_bytes()[self.at - 1] != b'.' => {
                    self.bracket()?
                }
                _ => self.name()?,
            };
            steps.push(step);
            if steps.len() > MAXIMUM_DEPTH {
                return Err(self.problem("a path of more than 100 steps goes on"));
            }
            match self.rest().as_bytes().first() {
                None => return Ok(steps),
                Some(b'.') => self.at += 1,
                Some(b'[') => {}
                Some(_) => return Err(self.problem("neither a dot nor a bracket stands")),
            }
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn problem(&self, problem: &'static str) -> BadPath {
        BadPath::new(self.at, problem)
    }

    /// Reads `name`, up to a dot or a bracket.
    fn name(&mut self) -> Result<PathStep, BadPath> {
        let mut name = CompactString::default();
        let mut escaped = false;
        let mut characters = self.rest().char_indices().peekable();
        let mut length = self.rest().len();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' if characters.next_if(|(_, next)| *next == '.').is_some() => {
                    name.push('.');
                    escaped = true;
                }
                '.' | '[' => {
                    length = at;
                    break;
                }
                ']' => {
                    return Err(BadPath::new(
                        self.at + at,
                        "a bracket closes that was not opened",
                    ));
                }
                other => name.push(other),
            }
        }
        match name.as_str() {
            "" => return Err(self.problem("an empty step stands")),
            "*" => return Err(self.problem("a wildcard stands")),
            _ => {}
        }
        self.at += length;
        let index = if escaped { None } else { index(&name) };
        Ok(PathStep { name, index })
    }

    /// Reads `[0]` or `["any text"]`.
    fn bracket(&mut self) -> Result<PathStep, BadPath> {
        let inside = &self.rest()[1..];
        if inside.starts_with('"') {
            // The text is a JSON string, so that a quote can stand in it too.
            let mut values = serde_json::Deserializer::from_str(inside).into_iter::<String>();
            let name = match values.next() {
                Some(Ok(name)) if !name.contains('\0') => name,
                _ => return Err(self.problem("a text that is no JSON string stands")),
            };
            let end = values.byte_offset();
            if !inside[end..].starts_with(']') {
                return Err(self.problem("a bracket is not closed"));
            }
            self.at += 1 + end + 1;
            return Ok(PathStep {
                name: name.into(),
                index: None,
            });
        }
        let Some(end) = inside.find(']') else {
            return Err(self.problem("a bracket is not closed"));
        };
        let Some(index) = index(&inside[..end]) else {
            return Err(self.problem("a bracket with neither a position nor a quoted text stands"));
        };
        let name = inside[..end].into();
        self.at += 1 + end + 1;
        Ok(PathStep {
            name,
            index: Some(index),
        })
    }
}

/// Reads a position as JSON writes whole numbers: no leading zeros, no plus, no `-0`.
fn index(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (!digits.starts_with('0') || text == "0");
    // What no i64 can hold is beyond the end of every array.
    canonical.then(|| {
        text.parse().unwrap_or(if text.starts_with('-') {
            i64::MIN
        } else {
            i64::MAX
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> Result<Vec<(String, Option<i64>)>, String> {
        let key = Key::parse(text).map_err(|bad| bad.to_string())?;
        Ok(key
            .steps()
            .map(|step| (step.name.to_owned(), step.index))
            .collect())
    }

    fn names(text: &str) -> Vec<String> {
        steps(text)
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    }

    #[test]
    fn key_without_dollar_dot_is_plain() {
        for text in [
            "", "a.b", "a[0]", "$", "$a.b", "$[0]", "*", "..", "\\.", "$[\"a\"]",
        ] {
            let key = Key::parse(text).unwrap();
            assert!(key.is_plain() && !key.is_empty());
            assert_eq!(names(text), [text]);
        }
    }

    #[test]
    fn steps_may_be_names_positions_and_quoted_texts() {
        assert!(!Key::parse("$.a").unwrap().is_plain());
        assert_eq!(names("$.a.b"), ["a", "b"]);
        assert_eq!(names(r"$.a\.b.c"), ["a.b", "c"]);
        assert_eq!(names(r"$.back\slash"), [r"back\slash"]);
        assert_eq!(names(r#"$.a["b.[c]\""][0].d"#), ["a", "b.[c]\"", "0", "d"]);
        assert_eq!(names(r#"$.["a.b"].c"#), ["a.b", "c"]);
        assert_eq!(names(r#"$.a[""]"#), ["a", ""]);
        assert_eq!(
            steps("$.a.0[-1].01.-0").unwrap(),
            [
                ("a".to_owned(), None),
                ("0".to_owned(), Some(0)),
                ("-1".to_owned(), Some(-1)),
                ("01".to_owned(), None),
                ("-0".to_owned(), None),
            ]
        );
    }

    #[test]
    fn a_key_has_at_most_65536_bytes() {
        assert!(Key::parse(&"x".repeat(65_536)).is_ok());
        for text in ["x".repeat(65_537), format!("$.{}", "x".repeat(65_535))] {
            let bad = Key::parse(&text).unwrap_err();
            assert_eq!(
                bad.to_string(),
                "a key of more than 65536 bytes goes on at byte 65536 of the key"
            );
        }
    }

    #[test]
    fn a_quoted_number_is_a_name() {
        assert_eq!(steps(r#"$.a["0"]"#).unwrap()[1], ("0".to_owned(), None));
    }

    #[test]
    fn a_number_beyond_every_array_stays_a_name_in_objects() {
        let step = steps("$.a.99999999999999999999").unwrap().remove(1);
        assert_eq!(step, ("99999999999999999999".to_owned(), Some(i64::MAX)));
    }

    #[test]
    fn what_is_no_path_says_where() {
        for (text, problem) in [
            ("$.", "an empty step stands at byte 2 of the key"),
            ("$..a", "an empty step stands at byte 2 of the key"),
            ("$.a..b", "an empty step stands at byte 4 of the key"),
            ("$.a.", "an empty step stands at byte 4 of the key"),
            ("$.a.[0]", "an empty step stands at byte 4 of the key"),
            ("$.*", "a wildcard stands at byte 2 of the key"),
            (
                "$.a[*]",
                "a bracket with neither a position nor a quoted text stands at byte 3 of the key",
            ),
            (
                "$.a[1:2]",
                "a bracket with neither a position nor a quoted text stands at byte 3 of the key",
            ),
            (
                "$.a[?(@.b)]",
                "a bracket with neither a position nor a quoted text stands at byte 3 of the key",
            ),
            (
                "$.a['b']",
                "a bracket with neither a position nor a quoted text stands at byte 3 of the key",
            ),
            ("$.a[0", "a bracket is not closed at byte 3 of the key"),
            ("$.a[\"b\"", "a bracket is not closed at byte 3 of the key"),
            (
                "$.a[\"b",
                "a text that is no JSON string stands at byte 3 of the key",
            ),
            (
                "$.a]",
                "a bracket closes that was not opened at byte 3 of the key",
            ),
            (
                "$.a[0]b",
                "neither a dot nor a bracket stands at byte 6 of the key",
            ),
            ("a\0b", "the character U+0000 stands at byte 1 of the key"),
        ] {
            assert_eq!(steps(text).unwrap_err(), problem, "{text}");
        }
        let long = format!("${}", ".a".repeat(101));
        assert!(
            steps(&long)
                .unwrap_err()
                .starts_with("a path of more than 100 steps goes on")
        );
        assert_eq!(steps(&long[..201]).unwrap().len(), 100);
    }

    #[test]
    fn what_is_no_path_has_the_offset_at_which_reading_stopped() {
        let offset = |text: &str| Key::parse(text).unwrap_err().offset();
        assert_eq!(["$.", "$.a..b", "a\0"].map(offset), [2, 4, 1].map(Some));
        assert_eq!(BadPath::no_text().offset(), None);
    }

    #[test]
    fn position_counts_from_either_end_and_may_be_one_past_the_last() {
        let at = |index| {
            Step {
                name: "",
                index: Some(index),
            }
            .position(3)
            .ok()
        };
        assert_eq!(
            [at(0), at(3), at(-1), at(-3)],
            [Some(0), Some(3), Some(2), Some(0)]
        );
        assert_eq!([at(4), at(-4), at(i64::MIN), at(i64::MAX)], [None; 4]);
        assert_eq!(
            Step {
                name: "a",
                index: None
            }
            .position(3),
            Err(Reason::IndexOutOfRange)
        );
    }

    #[test]
    fn overlap_is_prefix_or_possibly_the_same_element() {
        let overlap = |a: &str, b: &str| Key::parse(a).unwrap().overlaps(&Key::parse(b).unwrap());
        assert!(overlap("a", "$.a.b"));
        assert!(overlap("$.a.b", "$.a.b"));
        assert!(overlap("$.a.0", "$.a.-1.x"));
        assert!(!overlap("$.a.b", "$.a.c"));
        assert!(!overlap("a", "b"));
        assert!(!overlap("a.b", "$.a.b"));
        // What is an array has no members, and the other way round.
        assert!(!overlap("$.a.0", "$.a.b") && !overlap("$.a.b", "$.a.0"));
    }
}
