//! Shortening a list of operations as it grows, so that its effect stays the same on every document.
//!
//! - An update makes everything before it needless.
//! - An increment is added to an earlier one of the same key.
//! - A set makes earlier operations on the same key needless, and so does a delete.
//!
//! Each only if nothing between the two touches an overlapping path. Paths with positions are only
//! added up and never dropped: deleting `$.a.0` moves what `$.a.0` means next. A delete by a path of
//! several steps creates no containers, so it makes only deletes and removes needless.
//!
//! Sums are exact decimals, so adding early changes no result, but for one corner: where the document
//! holds a number within one increment of the 131,072 digits that Postgres can store, the increments
//! one by one may be refused where their sum is not, or the other way round.

use std::collections::HashMap;

use crate::{Key, Operation, Tree};

/// Earlier operations under the same first step that are looked at. A guess: people work on a few
/// keys at a time, and a bound keeps the cost of one operation level however long the list is.
const LOOK_BACK: usize = 16;

/// A list of operations that is shortened while operations are pushed.
///
/// ```
/// use runmeta_core::{Operation, Shortened};
/// use serde_json::json;
///
/// let mut list = Shortened::new();
/// for _ in 0..1000 {
///     let operation = json!({"type": "increment", "key": "rows", "value": 1});
///     list.push(Operation::parse(&operation).unwrap());
/// }
/// let list: Vec<_> = list.into_iter().map(|operation| operation.to_json()).collect();
/// assert_eq!(list, [json!({"type": "increment", "key": "rows", "value": 1000})]);
/// ```
#[derive(Clone, Debug)]
pub struct Shortened<T> {
    /// In order; `None` where an operation became needless.
    operations: Vec<Option<Operation<T>>>,
    live: usize,
    /// The sum of the weights of those that are left.
    weight: usize,
    /// Positions of the operations since the last one that touches everything, by their first step.
    by_first_step: HashMap<String, Vec<usize>>,
}

impl<T> Default for Shortened<T> {
    fn default() -> Self {
        Shortened {
            operations: Vec::new(),
            live: 0,
            weight: 0,
            by_first_step: HashMap::new(),
        }
    }
}

impl<T: Tree> Shortened<T> {
    /// Returns an empty list.
    pub fn new() -> Self {
        Shortened::default()
    }

    /// Returns the number of operations that are left.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Returns the sum of the [weights](Operation::weight) of the operations that are left.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Returns true if no operation is left.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Returns the operations that are left, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Operation<T>> {
        self.operations.iter().flatten()
    }

    /// Adds an operation at the end and drops what it makes needless.
    pub fn push(&mut self, operation: Operation<T>) {
        // What is refused whatever the document is stays as it is, so that whoever said it is told.
        let valid = operation.check().is_ok();
        match operation.key() {
            _ if !valid => {}
            Some(key) => match self.meet(key, &operation) {
                Meeting::Sum(position, sum) => return self.replace_value(position, sum),
                Meeting::Needless(positions) => self.drop_at(key, &positions),
            },
            None => {
                if let Operation::Update { .. } = operation {
                    self.operations.clear();
                    self.live = 0;
                    self.weight = 0;
                }
                // From here on, nothing before this operation may be touched.
                self.by_first_step.clear();
            }
        }
        if let (Some(key), true) = (operation.key(), valid) {
            let position = self.operations.len();
            match self.by_first_step.get_mut(first_step(key)) {
                Some(positions) => positions.push(position),
                None => {
                    self.by_first_step
                        .insert(first_step(key).to_owned(), vec![position]);
                }
            }
        }
        self.weight += operation.weight();
        self.operations.push(Some(operation));
        self.live += 1;
        if self.operations.len() > 2 * self.live + LOOK_BACK {
            self.close_gaps();
        }
    }

    /// Returns the [weight](Self::weight) that the list would have after [`push`](Self::push).
    pub fn weight_with(&self, operation: &Operation<T>) -> usize {
        let weight = operation.weight();
        if operation.check().is_err() {
            return self.weight + weight;
        }
        match (operation, operation.key()) {
            (Operation::Update { .. }, _) => weight,
            (_, None) => self.weight + weight,
            (_, Some(key)) => match self.meet(key, operation) {
                Meeting::Sum(position, sum) => {
                    let old = self.value_weight(position);
                    (self.weight + sum.weight()).saturating_sub(old)
                }
                Meeting::Needless(positions) => {
                    let needless = positions.iter().map(|at| self.weight_at(*at));
                    (self.weight + weight).saturating_sub(needless.sum())
                }
            },
        }
    }

    /// Finds out what `operation` does to the earlier ones under its first step.
    fn meet(&self, key: &Key, operation: &Operation<T>) -> Meeting<T> {
        let mut needless = Vec::new();
        let positions = self.by_first_step.get(first_step(key));
        for &position in positions.into_iter().flatten().rev().take(LOOK_BACK) {
            let Some(earlier) = self.at(position) else {
                continue;
            };
            let Some(earlier_key) = earlier.key() else {
                break;
            };
            if earlier_key != key {
                if earlier_key.overlaps(key) {
                    break;
                }
                continue;
            }
            if let (Operation::Increment { value: sum, .. }, Operation::Increment { value, .. }) =
                (earlier, operation)
            {
                return match sum.sum(value) {
                    Some(sum) => Meeting::Sum(position, sum),
                    None => Meeting::Needless(Vec::new()),
                };
            }
            if !makes_needless(key, operation, earlier) {
                break;
            }
            needless.push(position);
        }
        Meeting::Needless(needless)
    }

    fn at(&self, position: usize) -> Option<&Operation<T>> {
        self.operations.get(position)?.as_ref()
    }

    fn weight_at(&self, position: usize) -> usize {
        self.at(position).map_or(0, Operation::weight)
    }

    fn value_weight(&self, position: usize) -> usize {
        match self.at(position) {
            Some(Operation::Increment { value, .. }) => value.weight(),
            _ => 0,
        }
    }

    fn replace_value(&mut self, position: usize, sum: T) {
        let place = self.operations.get_mut(position).and_then(Option::as_mut);
        if let Some(Operation::Increment { value, .. }) = place {
            self.weight = (self.weight + sum.weight()).saturating_sub(value.weight());
            *value = sum;
        }
    }

    fn drop_at(&mut self, key: &Key, needless: &[usize]) {
        if needless.is_empty() {
            return;
        }
        for &position in needless {
            self.weight = self.weight.saturating_sub(self.weight_at(position));
            self.live -= 1;
            self.operations[position] = None;
        }
        if let Some(positions) = self.by_first_step.get_mut(first_step(key)) {
            // They are among those that were looked at: what lies before stays where it is.
            for at in (positions.len().saturating_sub(LOOK_BACK)..positions.len()).rev() {
                if needless.contains(&positions[at]) {
                    positions.remove(at);
                }
            }
        }
    }

    fn close_gaps(&mut self) {
        let mut moved = Vec::with_capacity(self.operations.len());
        let mut next = 0;
        for operation in &self.operations {
            moved.push(next);
            next += usize::from(operation.is_some());
        }
        self.operations.retain(Option::is_some);
        for position in self.by_first_step.values_mut().flatten() {
            *position = moved[*position];
        }
    }
}

impl<T> IntoIterator for Shortened<T> {
    type Item = Operation<T>;
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Option<Operation<T>>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.operations.into_iter().flatten()
    }
}

impl<T: Tree> Extend<Operation<T>> for Shortened<T> {
    fn extend<I: IntoIterator<Item = Operation<T>>>(&mut self, operations: I) {
        operations
            .into_iter()
            .for_each(|operation| self.push(operation));
    }
}

impl<T: Tree> FromIterator<Operation<T>> for Shortened<T> {
    fn from_iter<I: IntoIterator<Item = Operation<T>>>(operations: I) -> Self {
        let mut list = Shortened::new();
        list.extend(operations);
        list
    }
}

/// What a new operation does to the earlier ones on its key.
enum Meeting<T> {
    /// It adds up with the increment at this position, to this sum.
    Sum(usize, T),
    /// It makes those at these positions needless, and comes after the others.
    Needless(Vec<usize>),
}

fn first_step(key: &Key) -> &str {
    key.steps().next().map_or("", |step| step.name)
}

/// Returns true if `later` leaves the same behind whether `earlier`, on the same key, ran or not.
fn makes_needless<T>(key: &Key, later: &Operation<T>, earlier: &Operation<T>) -> bool {
    let one_step = key.len() == 1;
    if !one_step && key.steps().any(|step| step.index.is_some()) {
        return false;
    }
    match later {
        Operation::Set { .. } => true,
        Operation::Delete { .. } => {
            one_step || matches!(earlier, Operation::Delete { .. } | Operation::Remove { .. })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shortened(operations: Value) -> Vec<String> {
        let mut list = Shortened::new();
        for operation in operations.as_array().unwrap() {
            list.push(Operation::parse(operation).unwrap());
        }
        assert_eq!(list.len(), list.iter().count());
        list.iter()
            .map(|operation| {
                let json = operation.to_json();
                let text = |name: &str| json.get(name).map(|value| format!(" {value}"));
                let kind = json["type"].as_str().unwrap().to_owned();
                kind + &text("key").unwrap_or_default() + &text("value").unwrap_or_default()
            })
            .collect()
    }

    fn inc(key: &str, by: f64) -> Value {
        json!({"type": "increment", "key": key, "value": by})
    }

    fn set(key: &str, value: i64) -> Value {
        json!({"type": "set", "key": key, "value": value})
    }

    fn delete(key: &str) -> Value {
        json!({"type": "delete", "key": key})
    }

    #[test]
    fn increments_of_one_key_add_up_across_other_keys() {
        let list = shortened(json!([
            inc("a", 0.1),
            inc("b", 1.0),
            inc("a", 0.2),
            inc("$.l.0", 1.0),
            inc("$.l.0", 2.0)
        ]));
        assert_eq!(
            list,
            [
                r#"increment "a" 0.3"#,
                r#"increment "b" 1.0"#,
                r#"increment "$.l.0" 3.0"#
            ]
        );
    }

    #[test]
    fn increments_do_not_cross_an_overlapping_path() {
        let list = shortened(json!([inc("$.a.b", 1.0), delete("a"), inc("$.a.b", 1.0)]));
        assert_eq!(list.len(), 3);
        let list = shortened(json!([
            inc("$.a.0", 1.0),
            inc("$.a.-1", 1.0),
            inc("$.a.0", 1.0)
        ]));
        assert_eq!(list.len(), 3);
    }

    #[test]
    fn set_drops_what_it_overwrites() {
        let list = shortened(json!([
            set("a", 1), inc("a", 1.0), delete("a"), set("b", 1), {"type": "append", "key": "a", "value": 1}, set("a", 2)
        ]));
        assert_eq!(list, [r#"set "b" 1"#, r#"set "a" 2"#]);
        assert_eq!(
            shortened(json!([set("$.a.b", 1), set("$.a.b", 2)])),
            [r#"set "$.a.b" 2"#]
        );
    }

    #[test]
    fn set_by_position_drops_nothing() {
        assert_eq!(
            shortened(json!([delete("$.a.0"), set("$.a.0", 1)])).len(),
            2
        );
    }

    #[test]
    fn delete_by_path_keeps_what_creates_containers() {
        assert_eq!(
            shortened(json!([set("$.a.b", 1), delete("$.a.b")])).len(),
            2
        );
        assert_eq!(
            shortened(json!([delete("$.a.b"), delete("$.a.b")])).len(),
            1
        );
        assert_eq!(
            shortened(json!([set("a", 1), delete("a")])),
            [r#"delete "a""#]
        );
    }

    #[test]
    fn update_drops_all_and_merge_none() {
        let update = json!({"type": "update", "value": {"n": 1}});
        assert_eq!(
            shortened(json!([set("a", 1), inc("b", 1.0), update])),
            [r#"update {"n":1}"#]
        );
        let merge = json!({"type": "merge", "value": {"a": null}});
        assert_eq!(shortened(json!([set("a", 1), merge, set("a", 2)])).len(), 3);
    }

    #[test]
    fn weight_is_that_of_what_is_left_and_known_before() {
        let merge = json!({"type": "merge", "value": {"a": 1}});
        let big = json!({"type": "set", "key": "a", "value": "x".repeat(1000)});
        let mut list: Shortened<Value> = Shortened::new();
        for operation in [
            set("a", 1),
            inc("b", 0.1),
            inc("b", 1e300),
            big,
            set("a", 1),
            merge,
            delete("a"),
            inc("$.c.0", 1.0),
            set("", 1),
            json!({"type": "update", "value": {}}),
            set("a", 1),
        ] {
            let operation = Operation::parse(&operation).unwrap();
            let expected = list.weight_with(&operation);
            list.push(operation);
            assert_eq!(list.weight(), expected);
            assert_eq!(
                list.weight(),
                list.iter().map(Operation::weight).sum::<usize>()
            );
        }
    }

    #[test]
    fn what_is_dropped_from_a_long_list_is_what_was_said_last() {
        let mut list = Shortened::new();
        let key = |n: i64| format!("$.a.k{n}");
        for n in 0..100 {
            list.push(Operation::parse(&set(&key(n), n)).unwrap());
        }
        // The first is too far back to be looked for; of the last five, each is dropped for the next.
        for n in [0, 95, 96, 97, 98, 99, 97] {
            list.push(Operation::parse(&set(&key(n), -n)).unwrap());
        }
        let values: Vec<i64> = list
            .iter()
            .filter_map(|operation| operation.to_json()["value"].as_i64())
            .collect();
        let expected: Vec<i64> = (0..95).chain([0, -95, -96, -98, -99, -97]).collect();
        assert_eq!(values, expected);
    }

    #[test]
    fn gaps_are_closed_and_positions_follow() {
        let mut list = Shortened::new();
        for round in 0..1000 {
            for key in ["a", "b"] {
                list.push(Operation::parse(&set(key, round)).unwrap());
            }
            list.push(Operation::parse(&inc("n", 1.0)).unwrap());
        }
        assert!(list.operations.len() < 40);
        let values: Vec<_> = list
            .into_iter()
            .map(|operation| operation.to_json()["value"].clone())
            .collect();
        assert_eq!(values, [json!(1000.0), json!(999), json!(999)]);
    }
    #[test]
    fn many_other_keys_between_do_not_keep_increments_apart() {
        let mut list: Vec<Value> = (0..100).map(|n| inc(&format!("k{n}"), 1.0)).collect();
        list.extend(list.clone());
        assert_eq!(shortened(Value::from(list)).len(), 100);
    }

    #[test]
    fn what_is_refused_on_any_document_neither_drops_nor_is_dropped() {
        let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
        let key = || Key::parse("a").unwrap();
        let refused = || Operation::Set {
            key: key(),
            value: deep.clone(),
        };
        let mut list = Shortened::new();
        assert!(list.is_empty());
        for operation in [
            Operation::parse(&set("a", 1)).unwrap(),
            refused(),
            refused(),
        ] {
            let expected = list.weight_with(&operation);
            list.push(operation);
            assert_eq!(list.weight(), expected);
        }
        assert_eq!(list.len(), 3);
        // Only what is not refused is overwritten.
        list.push(Operation::parse(&set("a", 2)).unwrap());
        assert!(!list.is_empty());
        let values: Vec<_> = list
            .into_iter()
            .map(|one| one.to_json()["value"].clone())
            .collect();
        assert_eq!(values, [deep.clone(), deep, json!(2)]);
    }

    #[test]
    fn gaps_are_closed_when_there_are_more_than_operations_and_look_back() {
        let mut list = Shortened::new();
        for n in 0..20 {
            list.push(Operation::parse(&set(&format!("k{n}"), n)).unwrap());
        }
        let mut overwrite = |times: usize| {
            for n in 0..times {
                list.push(Operation::parse(&set("k7", n as i64)).unwrap());
            }
            list.operations.len()
        };
        assert_eq!(overwrite(20 + LOOK_BACK), 40 + LOOK_BACK);
        assert_eq!(overwrite(1), 20);
    }
}
