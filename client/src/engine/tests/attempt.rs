//! What follows when a text is not simply taken?

use super::*;
use crate::engine::attempt::{Attempt, Next, Refused, Sent, Statement};
use crate::engine::writer::Writer;
use crate::wire::{Diagnosis, Outcome, Part};

fn row(outcome: Outcome) -> Row {
    Row {
        stream: None,
        run: "a".to_owned(),
        part: Part::Operations,
        target: Target::Own,
        outcome,
        version: None,
        unapplied: Vec::new(),
        detail: None,
    }
}

struct Sender {
    attempt: Attempt,
    writer: Writer,
}

impl Sender {
    fn new() -> Sender {
        let mut writer = Writer::new(1_000, Instant::now());
        (1..=4).for_each(|_| writer.answered("[]".into()));
        Sender {
            attempt: Attempt::new("text".into(), Duration::from_secs(1)),
            writer,
        }
    }

    /// Returns the text and the sequence that are sent, and `diagnose` for a question.
    fn sends(&self) -> (String, i64) {
        match self.attempt.statement(&self.writer) {
            Statement::Flush(flush) => (flush.text.to_string(), flush.sequence),
            Statement::Diagnose => ("diagnose".to_owned(), 0),
        }
    }

    fn fails(&mut self, error: Error) -> Next {
        self.attempt.answered(Err(error), &mut self.writer)
    }

    fn is_answered(&mut self, outcome: Outcome) -> Next {
        self.attempt
            .answered(Ok(vec![row(outcome)]), &mut self.writer)
    }

    fn finds(&mut self, diagnosis: Diagnosis) -> Next {
        self.attempt.diagnosed(Ok(diagnosis), &mut self.writer)
    }
}

fn error(code: &str) -> Error {
    Error::answered(code, "it failed")
}

/// Nothing stands in the way of the batch.
fn nothing() -> Diagnosis {
    Diagnosis {
        last_sequence: 4,
        ..Diagnosis::default()
    }
}

#[test]
fn what_is_not_answered_or_passes_is_sent_again_unchanged() {
    let mut sender = Sender::new();
    for error in [
        Error::lost(),
        error("40001"),
        error("57P01"),
        error("53300"),
    ] {
        assert!(matches!(sender.fails(error), Next::Later(_)));
        assert_eq!(sender.sends(), ("text".to_owned(), 5));
    }
    assert!(matches!(
        sender.is_answered(Outcome::Applied),
        Next::Done(Sent::Answered(_))
    ));
    assert_eq!(sender.writer.sequence(), 6);
}

#[test]
fn a_text_that_is_rejected_leaves_its_sequence_to_the_next() {
    let mut sender = Sender::new();
    let next = sender.fails(error("42501"));
    assert!(matches!(
        next,
        Next::Done(Sent::Refused(Refused::Rejected(_)))
    ));
    assert_eq!(sender.writer.sequence(), 5);
}

#[test]
fn the_sequence_of_a_text_that_was_not_answered_and_is_rejected_is_claimed() {
    for (outcome, arrived) in [(Outcome::Duplicate, true), (Outcome::NotFound, false)] {
        let mut sender = Sender::new();
        sender.fails(Error::lost());
        assert!(matches!(sender.fails(error("42501")), Next::Now));
        let (claim, sequence) = sender.sends();
        assert!(
            claim.contains(r#""operations":[]"#) && sequence == 5,
            "{claim}"
        );
        // A claim that is not answered is repeated.
        assert!(matches!(sender.fails(Error::lost()), Next::Later(_)));
        assert_eq!(sender.sends(), (claim, 5));
        match sender.is_answered(outcome) {
            // It took effect, and is sent once more for its answer.
            Next::Now => {
                assert!(arrived);
                assert!(matches!(sender.fails(Error::lost()), Next::Later(_)));
                assert_eq!(sender.sends(), ("text".to_owned(), 5));
                let answered = sender.is_answered(Outcome::Duplicate);
                assert!(matches!(answered, Next::Done(Sent::Answered(_))));
            }
            Next::Done(Sent::Refused(Refused::Rejected(error))) => {
                assert_eq!((arrived, error.code()), (false, Some("42501")));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(
            sender.writer.sequence(),
            6,
            "the lost attempt may still come"
        );
    }
}

#[test]
fn a_claim_that_is_rejected_leaves_doubt_and_another_writer_goes_on() {
    let mut sender = Sender::new();
    let id = sender.writer.id();
    sender.fails(Error::lost());
    sender.fails(error("42501"));
    assert!(matches!(
        sender.fails(error("42501")),
        Next::Done(Sent::Doubtful(_))
    ));
    assert_ne!(sender.writer.id(), id);
    assert_eq!(sender.writer.sequence(), 1);
}

#[test]
fn an_error_with_several_meanings_is_diagnosed() {
    let is_passing = |next: &Next| matches!(next, Next::Later(_));
    let is_gap = |next: &Next| matches!(next, Next::Done(Sent::Gap(2, _)));
    let is_rejected = |next: &Next| matches!(next, Next::Done(Sent::Refused(Refused::Rejected(_))));
    let is_locked = |next: &Next| matches!(next, Next::Done(Sent::Refused(Refused::Locked(_, found))) if found.locked == ["a"]);
    let lost = Diagnosis {
        last_sequence: 2,
        ..nothing()
    };
    let full = Diagnosis {
        notification_queue: 1.0,
        ..nothing()
    };
    let row = Diagnosis {
        locked: vec!["a".to_owned()],
        ..nothing()
    };
    let table = Diagnosis {
        last_sequence: 0,
        table_is_locked: true,
        ..row.clone()
    };
    type Check<'a> = &'a dyn Fn(&Next) -> bool;
    let cases: [(&str, Diagnosis, Check<'_>); 8] = [
        ("55000", lost, &is_gap),
        ("55000", table.clone(), &is_passing),
        ("54000", full, &is_passing),
        ("54000", nothing(), &is_rejected),
        ("55P03", row.clone(), &is_locked),
        ("57014", row, &is_locked),
        ("55P03", table.clone(), &is_passing),
        ("57014", table, &is_passing),
    ];
    for (code, found, is_right) in cases {
        let mut sender = Sender::new();
        assert!(matches!(sender.fails(error(code)), Next::Now));
        assert_eq!(sender.sends().0, "diagnose");
        let next = sender.finds(found);
        assert!(is_right(&next), "{code}: {next:?}");
        assert_eq!(sender.sends(), ("text".to_owned(), 5));
    }
}

#[test]
fn a_gap_that_is_closed_when_it_is_diagnosed_is_not_taken_for_a_rejection() {
    let mut sender = Sender::new();
    for is_first in [true, false] {
        assert!(matches!(sender.fails(error("55000")), Next::Now));
        let next = sender.finds(nothing());
        assert_eq!(matches!(next, Next::Now), is_first, "{next:?}");
        assert_eq!(sender.sends(), ("text".to_owned(), 5));
    }
}

#[test]
fn a_diagnosis_that_is_not_answered_changes_nothing() {
    for code in ["55000", "54000", "55P03"] {
        let mut sender = Sender::new();
        sender.fails(error(code));
        let next = sender
            .attempt
            .diagnosed(Err(Error::lost()), &mut sender.writer);
        assert!(matches!(next, Next::Later(_)), "{code}: {next:?}");
        assert_eq!(sender.sends(), ("text".to_owned(), 5));
    }
}

#[test]
fn a_lock_that_may_be_that_of_a_lost_attempt_is_not_taken_for_another() {
    let mut sender = Sender::new();
    sender.fails(Error::lost());
    sender.fails(error("55P03"));
    assert!(matches!(sender.finds(nothing()), Next::Now));
    assert!(sender.sends().0.contains(r#""operations":[]"#));
    assert!(matches!(sender.is_answered(Outcome::Duplicate), Next::Now));
    assert!(matches!(
        sender.fails(error("42501")),
        Next::Done(Sent::Arrived)
    ));
    assert_eq!(sender.writer.sequence(), 6);
}
