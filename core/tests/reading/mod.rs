//! A second reading of what operations mean, written from the page and not from the code that it judges.
//!
//! It is naive on purpose: each operation rebuilds the document on its way, paths are cut with
//! `str::replace`, and numbers go through [`BigDecimal`]. It takes documents and values that can be stored. Of the crate it
//! uses the tree and none of what is done with it.

use std::str::FromStr;

use bigdecimal::BigDecimal;
use runmeta_core::{Json, Members, Number};

/// What stands at a place of a document, if anything does.
type Place = Option<Json>;

/// Applies a list and returns the positions of the operations that are skipped, and why.
pub fn apply(document: &mut Json, list: &[Json]) -> Vec<(usize, &'static str)> {
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

fn applied(document: &Json, operation: &Json) -> Result<Place, &'static str> {
    let name = operation
        .get("type")
        .and_then(Json::as_str)
        .unwrap_or_default();
    let members = match name {
        "set" | "merge" | "remove" | "increment" => "type key value",
        "delete" => "type key",
        "update" => "type value",
        "append" => "type key value keep",
        _ => return Err("unknown_type"),
    };
    let known = |name: &str| members.split(' ').any(|known| known == name);
    if !operation
        .as_object()
        .ok_or("")?
        .iter()
        .all(|(name, _)| known(name))
    {
        return Err("unknown_member");
    }
    let key = operation.get("key");
    let path = match key.and_then(Json::as_str).and_then(path) {
        Some(path) => path,
        None if name == "update" || name == "merge" && key.is_none() => Vec::new(),
        None => return Err("bad_path"),
    };
    let one = Json::from(1);
    let value = match operation.get("value") {
        None if name == "increment" => &one,
        None if name != "delete" => return Err("bad_value"),
        value => value.unwrap_or(&Json::Null),
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
    let above = match name {
        "remove" => 0,
        "append" => path.len() + 1,
        _ => path.len(),
    };
    let refused = match name {
        "increment" => value.as_number().is_none(),
        "update" => value.as_object().is_none(),
        "merge" => path.is_empty() && value.as_object().is_none(),
        _ => false,
    };
    if refused || above + depth(value) > 100 {
        return Err("bad_value");
    }

    let deletes = name == "delete" || name == "merge" && value.is_null();
    let creates = !deletes && name != "remove";
    change(Some(document), &path, creates, &|old| {
        Ok(match (name, old) {
            _ if deletes => None,
            ("merge", old) => Some(merged(old, value)),
            ("append", old) => {
                let mut elements = match old {
                    Some(Json::Array(elements)) => elements.to_vec(),
                    other => Vec::from_iter(other.cloned()),
                };
                elements.push(value.clone());
                Some(
                    elements
                        .split_off(elements.len().saturating_sub(keep))
                        .into(),
                )
            }
            ("remove", Some(Json::Array(elements))) => {
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
                Number::parse(&sum).map(Json::Number)
            }
            _ => Some(value.clone()),
        })
    })
}

/// Returns what stands at a place after `end` has decided what stands at the end of the path below it.
fn change(
    place: Option<&Json>,
    path: &[(String, Option<i64>)],
    creates: bool,
    end: &dyn Fn(Option<&Json>) -> Result<Place, &'static str>,
) -> Result<Place, &'static str> {
    let Some(((name, index), rest)) = path.split_first() else {
        return end(place);
    };
    let empty = Json::Object(Members::new());
    match place {
        None | Some(Json::Null) if creates => change(Some(&empty), path, creates, end),
        Some(Json::Object(members)) => {
            let mut members = members.clone();
            match change(members.get(name), rest, creates, end)? {
                Some(changed) => members.insert(name, changed),
                None => members.remove(name),
            };
            Ok(Some(members.into()))
        }
        Some(Json::Array(elements)) => {
            let mut elements = elements.to_vec();
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
            let read = |(end, _)| {
                let name = Json::parse(&rest[1..end + 3]).ok()?;
                Some((end, name.as_str()?.to_owned()))
            };
            let (end, name) = text.match_indices('"').find_map(read)?;
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

fn merged(old: Option<&Json>, patch: &Json) -> Json {
    let Json::Object(patch) = patch else {
        return patch.clone();
    };
    let mut members = old.and_then(Json::as_object).cloned().unwrap_or_default();
    for (name, value) in patch.iter() {
        match value {
            Json::Null => members.remove(name),
            value => {
                let value = merged(members.get(name), value);
                members.insert(name, value)
            }
        };
    }
    members.into()
}

/// Returns true if both are the same JSON value, numbers by value.
pub fn same(left: &Json, right: &Json) -> bool {
    canonical(left) == canonical(right)
}

fn canonical(value: &Json) -> Json {
    match value {
        Json::Array(elements) => elements.iter().map(canonical).collect(),
        Json::Object(members) => members
            .iter()
            .map(|(name, value)| (name, canonical(value)))
            .collect::<Members>()
            .into(),
        number => match decimal(number) {
            Some(decimal) => Json::from(vec![Json::from(decimal.normalized().to_string())]),
            None => value.clone(),
        },
    }
}

fn decimal(value: &Json) -> Option<BigDecimal> {
    BigDecimal::from_str(value.as_number()?.as_str()).ok()
}

fn whole(number: BigDecimal) -> Option<usize> {
    let number = number.is_integer().then(|| number.with_scale(0))?;
    number.to_string().parse().ok()
}

fn depth(value: &Json) -> usize {
    match value {
        Json::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Json::Object(members) => {
            1 + members
                .iter()
                .map(|(_, value)| depth(value))
                .max()
                .unwrap_or(0)
        }
        _ => 0,
    }
}
