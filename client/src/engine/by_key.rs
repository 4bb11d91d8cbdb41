//! Sending the operations on one run key by key, so that those which fit take effect beside one that does not.
//!
//! The server applies a list as a whole. Once a log has filled a document, a list with an append to it has no effect, and
//! the run's status and progress in it neither. Operations on different keys at the top of a document do not depend on each
//! other, so they can be sent one key after the other.

use std::sync::Arc;

use runmeta_core::{Json, Operation};

use crate::buffer::state::List;

/// Lists that one is split into, each of which is a statement. A guess: people work on a few keys at a time.
const MOST_LISTS: usize = 16;

/// Returns a list for each top-level key, in the order in which they came up. `None` if the operations cannot be split,
/// as they are all on one key or some are on the whole document.
pub(crate) fn by_key(operations: &List) -> Option<Vec<List>> {
    let mut lists: Vec<(&str, Vec<Operation<Json>>)> = Vec::new();
    for operation in operations.iter() {
        let key = operation.key()?;
        let name = key.steps().next()?.name;
        let known = lists.iter().position(|(known, _)| *known == name);
        match known.unwrap_or(lists.len()) {
            at if at < lists.len() => lists[at].1.push(operation.clone()),
            MOST_LISTS => lists[MOST_LISTS - 1].1.push(operation.clone()),
            _ => lists.push((name, vec![operation.clone()])),
        }
    }
    let lists: Vec<List> = lists.into_iter().map(|(_, list)| Arc::new(list)).collect();
    (lists.len() > 1).then_some(lists)
}

#[cfg(test)]
mod tests {
    use runmeta_core::Key;

    use super::*;

    fn set(keys: &[&str]) -> List {
        let set = |key: &&str| Operation::Set {
            key: Key::parse(key).unwrap(),
            value: Json::Null,
        };
        Arc::new(keys.iter().map(set).collect())
    }

    fn keys(lists: Option<Vec<List>>) -> Vec<Vec<String>> {
        let key = |operation: &Operation<Json>| operation.key().unwrap().as_str().to_owned();
        let lists = lists.into_iter().flatten();
        lists.map(|list| list.iter().map(key).collect()).collect()
    }

    #[test]
    fn operations_on_one_key_stay_together_in_their_order() {
        assert_eq!(
            keys(by_key(&set(&["a", "b", "$.a.x", "$.b[0]", "a", "c"]))),
            [vec!["a", "$.a.x", "a"], vec!["b", "$.b[0]"], vec!["c"]]
        );
    }

    #[test]
    fn what_cannot_be_split_is_left_as_it_is() {
        assert_eq!(by_key(&set(&["a", "$.a.b"])), None);
        let mut whole = set(&["a", "b"]).to_vec();
        whole.push(Operation::Merge {
            key: None,
            value: Json::parse(r#"{"a": 1}"#).unwrap(),
        });
        assert_eq!(by_key(&Arc::new(whole)), None);
    }

    #[test]
    fn many_keys_make_few_lists() {
        let names: Vec<String> = (0..100).map(|name| format!("key {name}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let lists = keys(by_key(&set(&names)));
        assert_eq!(lists.len(), MOST_LISTS);
        assert_eq!(lists[MOST_LISTS - 1], names[MOST_LISTS - 1..]);
        assert_eq!(lists.concat(), names);
    }
}
