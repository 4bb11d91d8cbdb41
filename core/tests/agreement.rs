//! `apply` agrees with a second reading of the page on any document with any list.

use proptest::prelude::*;
use runmeta_core::{Key, apply, parse_list};

use crate::config::config;
use crate::generate::{document, key, operations};
use crate::reading;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn apply_agrees_with_a_second_reading(document in document(), list in operations()) {
        let mut ours = document.clone();
        let unapplied = apply(&mut ours, &parse_list(&list).unwrap());
        let skipped: Vec<_> = unapplied.iter().map(|one| (one.index, one.reason.code())).collect();
        let mut theirs = document;
        prop_assert_eq!(skipped, reading::apply(&mut theirs, list.as_array().unwrap()));
        prop_assert!(reading::same(&ours, &theirs), "{} is not {}", ours, theirs);
    }

    #[test]
    fn keys_are_read_in_the_same_way(key in prop_oneof![key(), r#"\$\.[ab.\[\]"0-9*\\-]{0,8}"#]) {
        let ours = Key::parse(&key).ok();
        let ours = ours.as_ref().map(|key| key.steps().map(|step| (step.name.to_owned(), step.index)).collect::<Vec<_>>());
        prop_assert_eq!(ours, reading::path(&key), "{}", key);
    }
}
