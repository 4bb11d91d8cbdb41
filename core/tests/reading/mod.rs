//! A second reading of what operations mean, written from the page and not from the code that it judges.
//!
//! It is naive on purpose: each operation rebuilds the document on its way, paths are cut with
//! `str::replace`, and numbers go through [`BigDecimal`]. It takes documents and values that can be stored.

use std::str::FromStr;

use bigdecimal::BigDecimal;
use serde_json::{Map, Number, Value};

/// What stands at a place of a document, if anything does.
type Place = Option<Value>;

/// Applies a list and returns the positions of the operations that are skipped, and why.
pub fn apply(document: &mut Value, list: &[Value]) -> Vec<(usize, &'static str)> {
    let mut skipped = Vec::new();
    for (index, operation) in list.iter().enumerate() {
        match applied(document, operation) {
            Ok(Some(changed)) if depth(&changed) <= 100 => *document = changed,
            Ok(_) => skipped.push((index, "bad_value")),
            Err(reason) => skipped.push((index, reason)),
        }
    }
    skipped
}

fn applied(document: &Value, operation: &Value) -> Result<Place, &'static str> {
    let members = match operation["type"].as_str().unwrap_or_default() {
        "set" | "merge" | "remove" | "increment" => "type key value",
        "delete" => "type key",
        "update" => "type value",
        "append" => "type key value keep",
        _ => return Err("unknown_type"),
    };
    let names = operation.as_object().ok_or("")?.keys();
    let known = |name: &String| members.split(' ').any(|known| known == name);
    if !names.into_iter().all(known) {
        return Err("unknown_member");
    }
    let (name, key) = (&operation["type"], operation.get("key"));
    let path = match key.and_then(Value::as_str).and_then(path) {
        Some(path) => path,
        None if name == "update" || name == "merge" && key.is_none() => Vec::new(),
        None => return Err("bad_path"),
    };
    let one = Value::from(1);
    let value = match operation.get("value") {
        None if name == "increment" => &one,
        None if name != "delete" => return Err("bad_value"),
        value => value.unwrap_or(&Value::Null),
    };
    let keep = match operation
        .get("keep")
        .map(|keep| decimal(keep).and_then(whole))
    {
        None => usize::MAX,
        Some(Some(keep)) if keep > 0 => keep,
        Some(_) => return Err("bad_value"),
    };
    // A value that no document could hold at the key is refused whatever the document is.
    let above = match name.as_str().unwrap_or_default() {
        "remove" => 0,
        "append" => path.len() + 1,
        _ => path.len(),
    };
    let refused = match name.as_str().unwrap_or_default() {
        "increment" => !value.is_number(),
        "update" => !value.is_object(),
        "merge" => path.is_empty() && !value.is_object(),
        _ => false,
    };
    if refused || above + depth(value) > 100 {
        return Err("bad_value");
    }

    let deletes = name == "delete" || name == "merge" && value.is_null();
    let creates = !deletes && name != "remove";
    change(Some(document), &path, creates, &|old| {
        Ok(match (name.as_str().unwrap_or_default(), old) {
            _ if deletes => None,
            ("merge", old) => Some(merged(old, value)),
            ("append", old) => {
                let mut elements = match old {
                    Some(Value::Array(elements)) => elements.clone(),
                    other => other.cloned().into_iter().collect(),
                };
                elements.push(value.clone());
                Some(
                    elements
                        .split_off(elements.len().saturating_sub(keep))
                        .into(),
                )
            }
            ("remove", Some(Value::Array(elements))) => {
                let others = elements.iter().filter(|element| !same(element, value));
                Some(others.cloned().collect())
            }
            ("remove", _) => return Err("not_an_array"),
            ("increment", old) => {
                let old = old.and_then(decimal).unwrap_or_default();
                let sum = (old + decimal(value).unwrap_or_default()).to_plain_string();
                let digits = sum
                    .trim_start_matches('-')
                    .split('.')
                    .next()
                    .map_or(0, str::len);
                if digits > 131_072 {
                    return Err("bad_value");
                }
                Some(Value::Number(Number::from_string_unchecked(sum)))
            }
            _ => Some(value.clone()),
        })
    })
}

/// Returns what stands at a place after `end` has decided what stands at the end of the path below it.
fn change(
    place: Option<&Value>,
    path: &[(String, Option<i64>)],
    creates: bool,
    end: &dyn Fn(Option<&Value>) -> Result<Place, &'static str>,
) -> Result<Place, &'static str> {
    let Some(((name, index), rest)) = path.split_first() else {
        return end(place);
    };
    let empty = Value::Object(Map::new());
    match place {
        None | Some(Value::Null) if creates => change(Some(&empty), path, creates, end),
        Some(Value::Object(members)) => {
            let mut members = members.clone();
            match change(members.get(name), rest, creates, end)? {
                Some(changed) => members.insert(name.clone(), changed),
                None => members.remove(name),
            };
            Ok(Some(members.into()))
        }
        Some(Value::Array(elements)) => {
            let mut elements = elements.clone();
            let length = elements.len() as i64;
            let index = index.map(|index| if index < 0 { index + length } else { index });
            match index.filter(|index| (0..=length).contains(index)) {
                None if creates => return Err("index_out_of_range"),
                None => end(None).map(drop)?,
                Some(index) => {
                    let at = index as usize;
                    let changed = change(elements.get(at), rest, creates, end)?;
                    elements.splice(at..elements.len().min(at + 1), changed);
                }
            }
            Ok(Some(elements.into()))
        }
        _ if creates => Err("not_a_container"),
        other => end(None).map(|_| other.cloned()),
    }
}

/// Returns the steps of a key, each with its position if it can be one. `None` for a path that is none.
pub fn path(key: &str) -> Option<Vec<(String, Option<i64>)>> {
    if !key.starts_with("$.") {
        return Some(vec![(key.to_owned(), None)]);
    }
    let mut rest = if key.starts_with("$.[") {
        &key[2..]
    } else {
        &key[1..]
    };
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(name) = rest.strip_prefix('.') {
            let hidden = name.replace("\\.", "\0");
            let name = hidden.split(['.', '[']).next()?;
            if name.is_empty() || name == "*" || name.contains(']') {
                return None;
            }
            rest = &rest[1 + name.len() + name.matches('\0').count()..];
            steps.push((name.replace('\0', "."), position(name)));
        } else if let Some(text) = rest.strip_prefix("[\"") {
            let read = |(end, _)| Some((end, serde_json::from_str(&rest[1..end + 3]).ok()?));
            let (end, name): (_, String) = text.match_indices('"').find_map(read)?;
            rest = text[end + 1..].strip_prefix(']')?;
            steps.push((name, None));
        } else {
            let (number, behind) = rest.strip_prefix('[')?.split_once(']')?;
            steps.push((number.to_owned(), Some(position(number)?)));
            rest = behind;
        }
    }
    (1..=100).contains(&steps.len()).then_some(steps)
}

fn position(text: &str) -> Option<i64> {
    text.parse()
        .ok()
        .filter(|position: &i64| position.to_string() == text)
}

fn merged(old: Option<&Value>, patch: &Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch.clone();
    };
    let mut members = old.and_then(Value::as_object).cloned().unwrap_or_default();
    for (name, value) in patch {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), merged(members.get(name), value)),
        };
    }
    members.into()
}

/// Returns true if both are the same JSON value, numbers by value.
pub fn same(left: &Value, right: &Value) -> bool {
    canonical(left) == canonical(right)
}

fn canonical(value: &Value) -> Value {
    match value {
        Value::Array(elements) => elements.iter().map(canonical).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), canonical(value)))
            .collect::<Map<_, _>>()
            .into(),
        number => match decimal(number) {
            Some(decimal) => Value::from(vec![decimal.normalized().to_string()]),
            None => value.clone(),
        },
    }
}

fn decimal(value: &Value) -> Option<BigDecimal> {
    BigDecimal::from_str(value.as_number()?.as_str()).ok()
}

fn whole(number: BigDecimal) -> Option<usize> {
    let number = number.is_integer().then(|| number.with_scale(0))?;
    number.to_string().parse().ok()
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
