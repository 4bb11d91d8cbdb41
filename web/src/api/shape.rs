//! What is wrong with a body or a query that is not of the form that its route expects, in the words of JSON.
//!
//! serde has words of its own (`invalid type: map, expected a sequence`), and of Rust (`expected i32`). Readers of the API know
//! neither.

use serde::de::DeserializeOwned;

use crate::Problem;

/// Characters of a message that are shown: it may quote a long value.
const MOST_CHARACTERS: usize = 400;

/// The form of a body.
pub(crate) trait Shape {
    /// What the body is, for the sentence `The body is …`.
    const SHAPE: &'static str;
    /// False of an object, true of an array.
    const IS_ARRAY: bool = false;
}

/// Reads JSON.
///
/// # Errors
///
/// 400 if it is not JSON, or not of this form.
pub(crate) fn parse<T: DeserializeOwned + Shape>(text: &[u8]) -> Result<T, Problem> {
    let begins_with = text.iter().find(|byte| !byte.is_ascii_whitespace());
    // serde takes an array for an object if it has as many elements.
    let is_other = match begins_with {
        Some(b'[') => !T::IS_ARRAY,
        Some(b'{') => T::IS_ARRAY,
        _ => false,
    };
    let error = match serde_json::from_slice(text) {
        Ok(value) if !is_other => return Ok(value),
        Ok(_) => None,
        Err(error) if error.is_data() => None,
        Err(error) => Some(error),
    };
    match error {
        Some(error) => Err(Problem::invalid(error.to_string())
            .title("the body is not JSON")
            .hint(format!("The body is {}.", T::SHAPE))
            .sqlstate("22P02")),
        None => {
            let detail = match is_other {
                true => other(T::IS_ARRAY).to_owned(),
                false => misfit::<T>(text),
            };
            Err(Problem::invalid(detail).hint(format!("The body is {}.", T::SHAPE)))
        }
    }
}

fn other(is_array: bool) -> &'static str {
    match is_array {
        true => "the body is an object, and an array is expected",
        false => "the body is an array, and an object is expected",
    }
}

/// Reads it once more, to find where it does not fit.
fn misfit<T: DeserializeOwned>(text: &[u8]) -> String {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        // What is behind it is no data.
        Ok(_) => "the body has more than one value".to_owned(),
        Err(error) => {
            let path = error.path().to_string();
            let message = error.into_inner().to_string();
            let place = message.rsplit_once(" at line ");
            let message = place.map_or(&*message, |(message, _)| message);
            explain(&path, message)
        }
    }
}

/// Explains a message of serde about the value at a path, which is `.` for the whole.
pub(crate) fn explain(path: &str, message: &str) -> String {
    let at = match path {
        "." => "the body",
        path => path,
    };
    let quoted = |text: &str| text.trim_matches('`').to_owned();
    let text = if let Some(rest) = message.strip_prefix("missing field ") {
        format!("{at} lacks the member {}", quoted(rest))
    } else if let Some(rest) = message.strip_prefix("duplicate field ") {
        format!("{at} has the member {} twice", quoted(rest))
    } else if let Some(rest) = message.strip_prefix("unknown field ") {
        let (name, known) = rest.split_once(", expected ").unwrap_or((rest, ""));
        let known = known.trim_start_matches("one of ").replace('`', "");
        // The path ends at the unknown member.
        let name = quoted(name);
        let owner = path
            .strip_suffix(&*name)
            .map(|path| path.trim_end_matches('.'));
        let owner = owner
            .filter(|owner| !owner.is_empty())
            .unwrap_or("the body");
        format!("{owner} has the unknown member {name:?}; it may have {known}")
    } else if let Some((found, expected)) = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|rest| rest.rsplit_once(", expected "))
    {
        format!(
            "{at} is {}, and {} is expected",
            value(found),
            kind(expected)
        )
    } else if let Some((_, expected)) = message
        .strip_prefix("invalid length ")
        .and_then(|rest| rest.split_once(", expected "))
    {
        // Of an array that serde would take for an object.
        format!("{at} is an array, and {expected} is expected")
    } else if message == "invalid digit found in string" {
        format!("{at} is a whole number")
    } else if message.starts_with("provided string was not `true`") {
        format!("{at} is true or false")
    } else {
        format!("{at}: {message}")
    };
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Explains the same about a parameter of a query.
pub(crate) fn explain_query(name: &str, message: &str) -> String {
    explain(name, message)
        .replace("the body", "the query")
        .replace("member", "parameter")
}

fn value(found: &str) -> String {
    match found {
        "map" => "an object".to_owned(),
        "sequence" => "an array".to_owned(),
        found => ["integer ", "floating point ", "boolean "]
            .iter()
            .find_map(|kind| found.strip_prefix(kind))
            .unwrap_or(found)
            .replace('`', "")
            .replacen("string ", "the text ", 1),
    }
}

fn kind(expected: &str) -> &str {
    match expected {
        "a map" => "an object",
        "a sequence" => "an array",
        "a string" => "a text",
        "a boolean" => "true or false",
        "i32" => "a whole number below 2147483648",
        "u32" | "i64" | "u64" => "a whole number",
        expected => expected,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "an object")]
    #[expect(dead_code, reason = "only errors are looked at")]
    struct Entry {
        run: String,
        attempt: Option<i32>,
        list: Option<Vec<bool>>,
    }

    impl Shape for Entry {
        const SHAPE: &'static str = "an object with run";
    }

    impl Shape for Vec<Entry> {
        const SHAPE: &'static str = "an array of objects with run";
        const IS_ARRAY: bool = true;
    }

    fn detail<T: DeserializeOwned + Shape>(text: &str) -> String {
        let problem = parse::<T>(text.as_bytes()).map(drop).unwrap_err();
        problem.detail.unwrap_or_default()
    }

    #[test]
    fn misfits_are_told_in_words_of_json() {
        let one = [
            "[]",
            "[\"a\",1,null]",
            "7",
            "{}",
            "{\"run\":1}",
            "{\"run\":null}",
            "{\"run\":{}}",
            "{\"run\":\"a\",\"runs\":1}",
            "{\"run\":\"a\",\"attempt\":3000000000}",
            "{\"run\":\"a\",\"attempt\":\"1\"}",
            "{\"run\":\"a\",\"attempt\":1.5}",
            "{\"run\":\"a\",\"run\":\"b\"}",
            "{\"run\":\"a\",\"list\":{}}",
            "{\"run\":\"a\",\"list\":[true,0]}",
            "{\"run\":",
        ];
        let one: Vec<_> = one
            .iter()
            .map(|text| format!("{text:<36} {}", detail::<Entry>(text)))
            .collect();
        insta::assert_snapshot!(one.join("\n"), @r#"
        []                                   the body is an array, and an object is expected
        ["a",1,null]                         the body is an array, and an object is expected
        7                                    the body is 7, and an object is expected
        {}                                   the body lacks the member run
        {"run":1}                            run is 1, and a text is expected
        {"run":null}                         run is null, and a text is expected
        {"run":{}}                           run is an object, and a text is expected
        {"run":"a","runs":1}                 the body has the unknown member "runs"; it may have run, attempt, list
        {"run":"a","attempt":3000000000}     attempt is 3000000000, and a whole number below 2147483648 is expected
        {"run":"a","attempt":"1"}            attempt is the text "1", and a whole number below 2147483648 is expected
        {"run":"a","attempt":1.5}            attempt is 1.5, and a whole number below 2147483648 is expected
        {"run":"a","run":"b"}                the body has the member run twice
        {"run":"a","list":{}}                list is an object, and an array is expected
        {"run":"a","list":[true,0]}          list[1] is 0, and true or false is expected
        {"run":                              EOF while parsing a value at line 1 column 7
        "#);
        let many = [
            "{}",
            "[7]",
            "[[]]",
            "[{\"run\":\"a\"},{\"run\":true}]",
            "[{\"run\":\"a\",\"x\":1}]",
        ];
        let many: Vec<_> = many
            .iter()
            .map(|text| format!("{text:<36} {}", detail::<Vec<Entry>>(text)))
            .collect();
        insta::assert_snapshot!(many.join("\n"), @r#"
        {}                                   the body is an object, and an array is expected
        [7]                                  [0] is 7, and an object is expected
        [[]]                                 [0] is an array, and an object is expected
        [{"run":"a"},{"run":true}]           [1].run is true, and a text is expected
        [{"run":"a","x":1}]                  [0] has the unknown member "x"; it may have run, attempt, list
        "#);
    }

    #[test]
    fn long_values_are_cut() {
        let text = format!("{{\"run\":\"a\",\"attempt\":\"{}\"}}", "ü".repeat(100_000));
        assert_eq!(detail::<Entry>(&text).chars().count(), MOST_CHARACTERS + 1);
    }
}
