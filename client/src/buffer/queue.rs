//! The operations on one run that wait to be sent, in three parts of one order:
//!
//! 1. `leaving`: what did not fit into the last batch. It is shortened no more.
//! 2. `list`: shortened as it grows.
//! 3. `sums`: increments that are still being added up, behind everything else. Their keys never overlap, so their order
//!    among themselves does not matter, and an operation that overlaps none of them may go before them.
//!
//! The sums are what makes a repeated increment cheap: the key's text is compared instead of parsed, and two `i128` are
//! added instead of two texts: 25 ns a call in `make bench`.

use std::collections::VecDeque;

use runmeta_core::{Key, Operation, Shortened};
use serde_json::Value;

use crate::decimal::Decimal;

/// Sums kept at once. A guess: a loop counts a few things.
const SUMS: usize = 8;

/// What a sum's text may grow to: 38 digits, sign and point.
pub(crate) const SUM_TEXT: usize = 40;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    leaving: VecDeque<Operation<Value>>,
    leaving_weight: usize,
    /// How many operations had been said when these were told to leave.
    leaving_said: u64,
    list: Shortened<Value>,
    sums: Vec<Sum>,
}

#[derive(Debug)]
struct Sum {
    key: Key,
    sum: Decimal,
    weight: usize,
}

impl Sum {
    fn operation(&self) -> Operation<Value> {
        Operation::Increment {
            key: self.key.clone(),
            value: self.sum.value(),
        }
    }
}

impl Queue {
    /// Returns the number of operations.
    pub(crate) fn len(&self) -> usize {
        self.leaving.len() + self.list.len() + self.sums.len()
    }

    /// Returns true if nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes of memory that the operations take, never too few.
    pub(crate) fn weight(&self) -> usize {
        self.leaving_weight
            + self.list.weight()
            + self.sums.iter().map(|sum| sum.weight).sum::<usize>()
    }

    /// Adds to a sum that is there already and returns true. Allocates nothing.
    #[inline]
    pub(crate) fn add(&mut self, key: &str, by: Decimal) -> bool {
        match self.sums.iter_mut().find(|sum| sum.key.as_str() == key) {
            Some(Sum { sum, .. }) => match sum.plus(by) {
                Some(larger) => {
                    *sum = larger;
                    true
                }
                None => false,
            },
            None => false,
        }
    }

    /// Makes the end of the queue ready for `operation`, and returns the weight that the queue would have with it.
    pub(crate) fn weight_with(&mut self, operation: &Operation<Value>) -> usize {
        self.settle_before(operation);
        let sums: usize = self.sums.iter().map(|sum| sum.weight).sum();
        self.leaving_weight + self.list.weight_with(operation) + sums
    }

    /// Returns the weight that a new sum would add.
    pub(crate) fn weight_of_sum(key: &Key, by: Decimal) -> usize {
        Operation::Increment {
            key: key.clone(),
            value: by.value(),
        }
        .weight()
            + SUM_TEXT
    }

    /// Adds an operation at the end.
    pub(crate) fn push(&mut self, operation: Operation<Value>) {
        self.settle_before(&operation);
        self.list.push(operation);
    }

    /// Begins a sum at the end.
    pub(crate) fn begin_sum(&mut self, key: Key, by: Decimal) {
        if self.sums.len() >= SUMS || self.sums.iter().any(|sum| sum.key.overlaps(&key)) {
            self.settle();
        }
        let weight = Queue::weight_of_sum(&key, by);
        self.sums.push(Sum {
            key,
            sum: by,
            weight,
        });
    }

    /// Takes operations from the front, up to a number and a weight, but at least one. `said` counts those that were
    /// ever said.
    pub(crate) fn take(&mut self, operations: usize, weight: usize, said: u64) -> Taken {
        let mut taken = Taken::default();
        while let Some(next) = self.next_to_leave(said) {
            let full = taken.operations.len() >= operations || taken.weight + next > weight;
            if full && !taken.operations.is_empty() {
                break;
            }
            taken.operations.extend(self.leaving.pop_front());
            taken.weight += next;
            self.leaving_weight = self.leaving_weight.saturating_sub(next);
            if self.leaving.is_empty() {
                taken.upto = Some(self.leaving_said);
            }
        }
        if self.leaving.is_empty() {
            self.leaving = VecDeque::new();
        }
        taken
    }

    /// Returns the weight of the first operation, after which it and all others are told to leave.
    fn next_to_leave(&mut self, said: u64) -> Option<usize> {
        if self.leaving.is_empty() {
            self.settle();
            self.leaving_said = said;
            self.leaving_weight = self.list.weight();
            self.leaving = std::mem::take(&mut self.list).into_iter().collect();
        }
        self.leaving.front().map(Operation::weight)
    }

    /// Returns the operations in order, the sums as they are now.
    pub(crate) fn operations(&self) -> impl Iterator<Item = Operation<Value>> {
        let sums = self.sums.iter().map(Sum::operation);
        self.leaving
            .iter()
            .chain(self.list.iter())
            .cloned()
            .chain(sums)
    }

    fn settle_before(&mut self, operation: &Operation<Value>) {
        let overlaps = |sum: &Sum| operation.key().is_none_or(|key| sum.key.overlaps(key));
        if self.sums.iter().any(overlaps) {
            self.settle();
        }
    }

    /// Moves the sums to the end of the list.
    fn settle(&mut self) {
        for sum in self.sums.drain(..) {
            self.list.push(sum.operation());
        }
    }
}

/// What [`Queue::take`] took.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) operations: Vec<Operation<Value>>,
    pub(crate) weight: usize,
    /// How many of the operations ever said have certainly been taken now; `None` if that is known only after another time.
    pub(crate) upto: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn increment(queue: &mut Queue, key: &str, by: &str) {
        let by = Decimal::parse(by).unwrap();
        if !queue.add(key, by) {
            queue.begin_sum(Key::parse(key).unwrap(), by);
        }
    }

    fn push(queue: &mut Queue, operation: Value) {
        let operation = Operation::parse(&operation).unwrap();
        let weight = queue.weight_with(&operation);
        queue.push(operation);
        assert_eq!(queue.weight(), weight);
    }

    fn taken(queue: &mut Queue) -> Vec<String> {
        let seen: Vec<_> = queue
            .operations()
            .map(|operation| operation.to_json().to_string())
            .collect();
        let taken = queue.take(usize::MAX, usize::MAX, 0).operations;
        let taken: Vec<_> = taken
            .iter()
            .map(|operation| operation.to_json().to_string())
            .collect();
        assert!(seen.len() >= taken.len());
        assert!(queue.is_empty() && queue.weight() == 0);
        taken
    }

    #[test]
    fn increments_add_up_and_stay_behind_what_they_overlap() {
        let mut queue = Queue::default();
        for _ in 0..3 {
            increment(&mut queue, "rows", "1");
            increment(&mut queue, "progress", "0.1");
        }
        push(
            &mut queue,
            json!({"type": "append", "key": "log", "value": "x"}),
        );
        increment(&mut queue, "rows", "1");
        push(
            &mut queue,
            json!({"type": "set", "key": "progress", "value": 1}),
        );
        increment(&mut queue, "progress", "0.5");
        assert_eq!(
            taken(&mut queue),
            [
                json!({"type": "append", "key": "log", "value": "x"}).to_string(),
                json!({"type": "increment", "key": "rows", "value": 4}).to_string(),
                json!({"type": "set", "key": "progress", "value": 1}).to_string(),
                json!({"type": "increment", "key": "progress", "value": 0.5}).to_string(),
            ]
        );
    }

    #[test]
    fn overlapping_sums_keep_their_order() {
        let mut queue = Queue::default();
        increment(&mut queue, "$.a.b", "1");
        increment(&mut queue, "a", "1");
        increment(&mut queue, "$.a.b", "1");
        assert_eq!(taken(&mut queue).len(), 3);
    }

    #[test]
    fn a_sum_that_grows_too_long_goes_on_in_the_list() {
        let mut queue = Queue::default();
        for _ in 0..3 {
            increment(&mut queue, "n", "170000000000000000000000000000000000000");
        }
        assert_eq!(
            taken(&mut queue),
            [r#"{"key":"n","type":"increment","value":510000000000000000000000000000000000000}"#]
        );
    }

    #[test]
    fn what_does_not_fit_leaves_first_the_next_time() {
        let mut queue = Queue::default();
        for value in 0..5 {
            push(
                &mut queue,
                json!({"type": "append", "key": "log", "value": value}),
            );
        }
        let values = |taken: Taken| -> Vec<Value> {
            taken
                .operations
                .iter()
                .map(|operation| operation.to_json()["value"].clone())
                .collect()
        };
        assert_eq!(values(queue.take(2, usize::MAX, 0)), [json!(0), json!(1)]);
        push(
            &mut queue,
            json!({"type": "append", "key": "log", "value": 5}),
        );
        assert_eq!(values(queue.take(usize::MAX, 1, 0)), [json!(2)]);
        let rest = queue.take(9, usize::MAX, 0);
        assert_eq!(values(rest), [json!(3), json!(4), json!(5)]);
        assert_eq!(queue.weight(), 0);
    }
}
