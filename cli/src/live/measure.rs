//! Progress of a run, found by the names of the numbers in its metadata.
//!
//! - A number named `progress`, or whose name ends so (`uploadProgress`), is a part of 1 or of 100. It is one of 100 as soon as it is
//!   seen to be greater than 1.
//! - A pair has a total, `total` or a name with that word such as `totalRows`, and what is done of it: the same name with
//!   `done`, `processed`, `completed`, `finished` or `current` instead (`processedRows`), or without (`rows`).
//!
//! They are looked for in the document and in the objects that are its members.
//!
//! The view `runmeta.progress` finds the same numbers (`migrations/sql/reports.sql`); a test compares the two.

use serde_json::{Map, Value};

use super::words::words;

/// What is done of a total, in order of preference.
const DONE: [&str; 5] = ["done", "processed", "completed", "finished", "current"];

/// How far something is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measure {
    /// The key, or what is counted.
    pub(crate) label: String,
    pub(crate) done: f64,
    pub(crate) total: Total,
}

/// What `done` is a part of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Total {
    /// 1 or 100, which the values show together.
    Whole,
    Number(f64),
}

impl Measure {
    /// Returns the part that is done, from 0 to 1. `of_hundred` is true if the number has been greater than 1.
    pub(crate) fn fraction(&self, of_hundred: bool) -> f64 {
        let part = self.done / self.whole(of_hundred);
        if part.is_finite() {
            part.clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    /// Returns what is left to be done.
    pub(crate) fn left(&self, of_hundred: bool) -> f64 {
        (self.whole(of_hundred) - self.done).max(0.0)
    }

    fn whole(&self, of_hundred: bool) -> f64 {
        match self.total {
            Total::Number(total) => total,
            Total::Whole if of_hundred => 100.0,
            Total::Whole => 1.0,
        }
    }
}

/// Finds the progress in the metadata, and the keys of the document that hold it.
pub(crate) fn measures(metadata: &Value) -> (Vec<Measure>, Vec<&str>) {
    let Some(document) = metadata.as_object() else {
        return (Vec::new(), Vec::new());
    };
    let (mut measures, mut keys) = (Vec::new(), Vec::new());
    for (measure, of) in in_object(document, "") {
        measures.push(measure);
        keys.extend(of);
    }
    for (key, member) in document {
        let Some(member) = member.as_object() else {
            continue;
        };
        let found = in_object(member, key);
        if !found.is_empty() {
            keys.push(key.as_str());
        }
        measures.extend(found.into_iter().map(|(measure, _)| measure));
    }
    // Stable: the numbers named progress come first, as they are about the whole.
    measures.sort_by_key(|measure| measure.total != Total::Whole);
    (measures, keys)
}

fn in_object<'a>(object: &'a Map<String, Value>, name: &str) -> Vec<(Measure, Vec<&'a str>)> {
    let numbers: Vec<(&str, Vec<String>, f64)> = object
        .iter()
        .filter_map(|(key, value)| Some((key.as_str(), words(key), value.as_f64()?)))
        .collect();
    let mut found = Vec::new();
    for (key, words, number) in &numbers {
        if words.last().is_some_and(|word| word == "progress") {
            let label = [name, key].join(" ").trim().to_owned();
            let measure = Measure {
                label,
                done: *number,
                total: Total::Whole,
            };
            found.push((measure, vec![*key]));
        } else if let Some(subject) = without(words, &["total"])
            && *number > 0.0
            && let Some((done_key, done)) = done_of(&numbers, &subject, key)
        {
            let label = match subject.is_empty() {
                true if name.is_empty() => done_key.to_owned(),
                true => name.to_owned(),
                false => subject.join(" "),
            };
            let measure = Measure {
                label,
                done,
                total: Total::Number(*number),
            };
            found.push((measure, vec![*key, done_key]));
        }
    }
    found
}

/// Finds the number that is done of the total of a subject.
fn done_of<'a>(
    numbers: &[(&'a str, Vec<String>, f64)],
    subject: &[String],
    total: &str,
) -> Option<(&'a str, f64)> {
    let named = |is_named: &dyn Fn(&[String]) -> bool| {
        let others = numbers.iter().filter(|(key, _, _)| *key != total);
        others
            .clone()
            .find(|(_, words, _)| is_named(words))
            .map(|(key, _, number)| (*key, *number))
    };
    DONE.iter()
        .find_map(|done| named(&|words| without(words, &[done]).as_deref() == Some(subject)))
        .or_else(|| named(&|words| !subject.is_empty() && words == subject))
}

/// Returns the words without the first or last one, if it is one of these.
fn without(words: &[String], removed: &[&str]) -> Option<Vec<String>> {
    let is_removed = |word: &String| removed.contains(&word.as_str());
    match words {
        [first, rest @ ..] if is_removed(first) => Some(rest.to_vec()),
        [rest @ .., last] if is_removed(last) => Some(rest.to_vec()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(metadata: Value) -> Vec<(String, f64, Option<f64>)> {
        let total = |total| match total {
            Total::Whole => None,
            Total::Number(total) => Some(total),
        };
        let measures = measures(&metadata).0;
        measures
            .into_iter()
            .map(|measure| (measure.label, measure.done, total(measure.total)))
            .collect()
    }

    #[test]
    fn pairs_are_found_by_their_names() {
        let rows = [("rows".to_owned(), 50.0, Some(200.0))];
        for metadata in [
            json!({"totalRows": 200, "processedRows": 50}),
            json!({"total_rows": 200, "rows_done": 50}),
            json!({"rowsTotal": 200, "rows": 50, "other": 9}),
            json!({"totalRows": 200, "processedRows": 50, "rows": 1, "totalFiles": 3}),
        ] {
            assert_eq!(found(metadata.clone()), rows, "{metadata}");
        }
        assert_eq!(
            found(json!({"done": 3, "total": 4})),
            [("done".to_owned(), 3.0, Some(4.0))]
        );
        assert_eq!(
            found(json!({"upload": {"current": 3, "total": 4}})),
            [("upload".to_owned(), 3.0, Some(4.0))]
        );
    }

    #[test]
    fn progress_comes_before_pairs() {
        let metadata =
            json!({"done": 1, "total": 2, "uploadProgress": 0.5, "zip": {"progress": 7}});
        let labels: Vec<String> = found(metadata)
            .into_iter()
            .map(|(label, _, _)| label)
            .collect();
        assert_eq!(labels, ["uploadProgress", "zip progress", "done"]);
    }

    #[test]
    fn what_is_no_number_is_no_progress() {
        for metadata in [
            json!({"progress": "half"}),
            json!({"done": 1, "total": 0}),
            json!({"total": 10}),
            json!({"done": 1, "total": "many"}),
            json!([1]),
            json!(null),
        ] {
            assert_eq!(found(metadata.clone()), [], "{metadata}");
        }
    }

    #[test]
    fn keys_of_measures_are_told() {
        let metadata = json!({"a": 1, "done": 1, "total": 2, "zip": {"progress": 7}});
        assert_eq!(measures(&metadata).1, ["total", "done", "zip"]);
    }

    #[test]
    fn fraction_stays_between_0_and_1() {
        let measure = |done, total| Measure {
            label: String::new(),
            done,
            total,
        };
        assert_eq!(measure(0.4, Total::Whole).fraction(false), 0.4);
        assert_eq!(measure(40.0, Total::Whole).fraction(true), 0.4);
        assert_eq!(measure(1.0, Total::Whole).fraction(true), 0.01);
        assert_eq!(measure(-3.0, Total::Whole).fraction(false), 0.0);
        assert_eq!(measure(9.0, Total::Number(3.0)).fraction(false), 1.0);
    }
}
