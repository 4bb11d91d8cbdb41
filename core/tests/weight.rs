//! Weights, held against an allocator that counts.

use allocation_counter::{AllocationInfo, measure};
use proptest::prelude::*;
use runmeta_core::{Json, Operation, Shortened, Tree, escape_growth};

use crate::config::config;
use crate::generate::document;

/// Returns what a function made, and what is allocated for it.
fn counted<T>(make: impl FnOnce() -> T) -> (T, AllocationInfo) {
    let mut made = None;
    let counted = measure(|| made = Some(make()));
    (made.unwrap(), counted)
}

fn bytes(count: i64) -> usize {
    usize::try_from(count).unwrap()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn weight_of_a_value_is_what_the_allocator_hands_out(document in document()) {
        let text = document.to_string();
        let (value, taken) = counted(|| Json::parse(&text).unwrap());
        let weight = value.weight();
        prop_assert!(bytes(taken.bytes_current) <= weight, "{weight} is less than {taken:?}");
        // An allocation is rounded up to 16 bytes with 8 of the allocator's own, and has at least 32.
        let rounded = bytes(taken.bytes_current) + 31 * bytes(taken.count_current);
        let escapes: usize = text.bytes().map(|byte| usize::from(byte == b'\\') * escape_growth(1)).sum();
        prop_assert!(weight <= rounded + escapes, "{weight} is more than {taken:?}");
        // What is cloned has no room to spare.
        let (clone, taken) = counted(|| value.clone());
        prop_assert!(bytes(taken.bytes_current) <= clone.weight());
        prop_assert!(clone.weight() <= weight);
    }
}

/// What an operation of a kind looks like, given how many came before.
type Kind = fn(usize) -> String;

const KINDS: [(&str, Kind); 9] = [
    ("append a number", |n| {
        format!(r#"{{"type":"append","key":"log","value":{n}}}"#)
    }),
    ("append a line of 40 bytes", |n| {
        format!(r#"{{"type":"append","key":"log","value":"{n:>40}"}}"#)
    }),
    ("append, of which 200 stay", |n| {
        format!(r#"{{"type":"append","key":"log","value":{n},"keep":200}}"#)
    }),
    ("append, and of 200 keep 2 in the end", |n| {
        let keep = if n % 200 == 199 { 2 } else { 500 };
        format!(r#"{{"type":"append","key":"log","value":{n},"keep":{keep}}}"#)
    }),
    ("append, and set after 15", |n| {
        let name = if n % 16 == 15 { "set" } else { "append" };
        format!(r#"{{"type":"{name}","key":"log","value":{n}}}"#)
    }),
    ("set another key", |n| {
        format!(r#"{{"type":"set","key":"key_{n}","value":{n}}}"#)
    }),
    ("set one of 100 keys", |n| {
        format!(r#"{{"type":"set","key":"key_{}","value":{n}}}"#, n % 100)
    }),
    ("increment another path", |n| {
        format!(r#"{{"type":"increment","key":"$.path.{n}.below","value":0.5}}"#)
    }),
    ("append an object", |n| {
        format!(
            r#"{{"type":"append","key":"log","value":{{"at":{n},"tags":["a",null],"who":"someone"}}}}"#
        )
    }),
];

#[test]
fn weight_of_a_list_is_never_less_than_it_takes_nor_twice_that() {
    for (kind, operation) in KINDS {
        for length in [1, 2, 3, 10, 16, 17, 100, 200, 1000, 20_000] {
            let mut most = 0;
            let (list, taken) = counted(|| {
                let mut list = Shortened::new();
                for n in 0..length {
                    let operation = operation(n);
                    list.push(Operation::parse(&Json::parse(&operation).unwrap()).unwrap());
                    most = most.max(list.weight());
                }
                list
            });
            // Reading one operation takes some bytes for a moment.
            let reading = 2048;
            let weight = list.weight();
            assert!(
                bytes(taken.bytes_max as i64) <= most + reading,
                "{kind}, {length}: {most} of {taken:?}"
            );
            // The allocator has 8 bytes of its own beside each allocation.
            let taken = bytes(taken.bytes_current + 8 * taken.count_current);
            assert!(
                (taken..2 * taken).contains(&weight),
                "{kind}, {length}: {weight} of {taken}"
            );
        }
    }
}
