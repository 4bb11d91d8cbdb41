//! What waits for a watcher.

use super::{fields, snapshot};
use crate::watch::Snapshot;
use crate::watch::slot::{MOST_BYTES, MOST_HELD, Slot, Taken};

fn versions(slot: &Slot) -> Vec<(String, i64)> {
    take_all(slot).0
}

/// Takes all that is ready, and returns ids and versions, and what comes after them.
fn take_all(slot: &Slot) -> (Vec<(String, i64)>, Taken) {
    let mut taken = Vec::new();
    loop {
        match slot.take(None) {
            Taken::Snapshot(snapshot) => {
                let mark = if snapshot.is_gone() { " gone" } else { "" };
                taken.push((format!("{}{mark}", snapshot.id()), snapshot.version()));
            }
            end => return (taken, end),
        }
    }
}

fn pairs(pairs: &[(&str, i64)]) -> Vec<(String, i64)> {
    let pairs = pairs.iter();
    pairs
        .map(|(id, version)| ((*id).to_owned(), *version))
        .collect()
}

fn finished(id: &str, version: i64) -> Snapshot {
    let fields = fields(id, version, "{}");
    Snapshot::new(crate::watch::snapshot::Fields {
        finished_at: Some(fields.created_at),
        ..fields
    })
}

fn gone(id: &str, version: i64) -> Snapshot {
    let fields = fields(id, version, "{}");
    Snapshot::new(crate::watch::snapshot::Fields {
        is_gone: true,
        ..fields
    })
}

#[test]
fn newest_state_takes_the_place_of_the_one_before() {
    let slot = Slot::default();
    for (id, version) in [("a", 1), ("b", 1), ("a", 2), ("a", 3)] {
        slot.put(&snapshot(id, version, "{}"));
    }
    assert_eq!(versions(&slot), pairs(&[("a", 3), ("b", 1)]));
    slot.put(&snapshot("a", 4, "{}"));
    assert_eq!(versions(&slot), pairs(&[("a", 4)]));
}

#[test]
fn final_state_is_seen_before_the_run_is_gone_and_others_are_not() {
    let slot = Slot::default();
    slot.put(&finished("a", 5));
    slot.put_gone(&gone("a", 5));
    slot.put(&snapshot("b", 2, "{}"));
    slot.put_gone(&gone("b", 2));
    let expected = pairs(&[("a", 5), ("a gone", 5), ("b gone", 2)]);
    assert_eq!(versions(&slot), expected);
    assert!(matches!(slot.take(None), Taken::Nothing));
}

#[test]
fn run_started_anew_takes_the_place_of_the_one_that_is_gone() {
    let slot = Slot::default();
    slot.put(&snapshot("a", 7, "{}"));
    slot.put_gone(&gone("a", 7));
    slot.put(&snapshot("a", 1, "{}"));
    assert_eq!(versions(&slot), pairs(&[("a", 1)]));
}

#[test]
fn beyond_the_bounds_only_ids_are_kept_and_read_later() {
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(MOST_BYTES / 3));
    for (metadata, held) in [("{}", MOST_HELD), (large.as_str(), 2)] {
        let slot = Slot::default();
        let runs = held + 10;
        for run in 0..runs {
            slot.put(&snapshot(&run.to_string(), 1, metadata));
        }
        let (taken, end) = take_all(&slot);
        assert_eq!(taken.len(), held);
        assert!(matches!(end, Taken::Unread));
        // Asked for once.
        assert!(matches!(slot.take(None), Taken::Nothing));
        let unread = slot.unread(usize::MAX);
        assert_eq!(unread.len(), 10);
        slot.fill(&snapshot("0", 1, metadata));
        assert!(matches!(slot.take(None), Taken::Nothing), "it was seen");
        slot.fill(&snapshot(&unread[0], 1, metadata));
        slot.put(&snapshot(&unread[1], 2, metadata));
        let (taken, end) = take_all(&slot);
        assert_eq!(taken.len(), 2);
        assert!(matches!(end, Taken::Unread));
        assert_eq!(slot.unread(usize::MAX).len(), 8);
        // Gone before they were read.
        for id in &unread {
            slot.put_gone(&gone(id, 1));
        }
        let (taken, end) = take_all(&slot);
        assert_eq!(taken.len(), 10);
        assert!(matches!(end, Taken::Nothing));
    }
}

#[test]
fn what_is_there_is_seen_before_the_end() {
    let slot = Slot::default();
    slot.put(&snapshot("a", 1, "{}"));
    slot.end();
    assert_eq!(versions(&slot), pairs(&[("a", 1)]));
    assert!(matches!(slot.take(None), Taken::End));
}
