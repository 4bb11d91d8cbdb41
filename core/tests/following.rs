//! Runs that follow jobs, whatever their queue does.

use proptest::prelude::*;
use runmeta_core::status::{is_final, is_unfinished};
use runmeta_core::{Followed, Progress, Transition};

/// What a row may show: its status, whether it is gone, and how many attempts have begun.
fn rows() -> impl Strategy<Value = Vec<(&'static str, bool, i32)>> {
    let words = [
        "queued",
        "running",
        "retrying",
        "completed",
        "failed",
        "cancelled",
    ];
    let row = (
        prop::sample::select(words.to_vec()),
        any::<bool>(),
        0..5_i32,
    );
    prop::collection::vec(row, 1..12)
}

fn transition(
    (status, gone, attempt): (&'static str, bool, i32),
    at: u32,
) -> Transition<'static, u32> {
    Transition {
        status,
        // What is gone has ended.
        is_deleted: gone && is_final(status),
        attempt: Some(attempt),
        started_at: None,
        finished_at: None,
        at,
    }
}

proptest! {
    #[test]
    fn attempt_never_goes_back_and_the_last_row_decides(rows in rows()) {
        let mut progress = Progress::new(&transition(rows[0], 0));
        for (at, row) in (0..).zip(&rows) {
            let (before, next) = (progress.clone(), transition(*row, at));
            let followed = progress.follow(&next);
            prop_assert!(progress.attempt >= before.attempt);
            prop_assert!(next.is_deleted || progress.attempt >= row.2);
            prop_assert_eq!(progress.finished_at.is_some(), is_final(next.status));
            prop_assert_eq!(followed == Followed::Unchanged, progress == before);
            if is_unfinished(next.status) {
                prop_assert_eq!(&progress.status, next.status);
            }
        }
    }

    #[test]
    fn row_that_is_looked_at_again_changes_nothing(rows in rows()) {
        let mut progress = Progress::new(&transition(rows[0], 0));
        for (at, row) in (0..).zip(rows) {
            let next = transition(row, at);
            progress.follow(&next);
            prop_assert_eq!(progress.follow(&next), Followed::Unchanged);
        }
    }
}
