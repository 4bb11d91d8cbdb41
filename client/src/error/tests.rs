use std::sync::Arc;

use super::*;

#[test]
fn part_without_effect_fails_with_the_sqlstate_of_the_single_call() {
    for (part, outcome, code, message) in [
        (
            Part::Start,
            Outcome::Closed,
            "55000",
            "run \"a\" has finished; a start with a higher attempt begins another attempt",
        ),
        (
            Part::Finish,
            Outcome::Closed,
            "55000",
            "run \"a\" has already finished with another status",
        ),
        (
            Part::Status,
            Outcome::Closed,
            "55000",
            "run \"a\" has finished",
        ),
        (
            Part::Finish,
            Outcome::Stale,
            "55000",
            "a newer attempt at run \"a\" has begun; the worker of this one must stop",
        ),
        (
            Part::Start,
            Outcome::NotFound,
            "P0002",
            "the parent of run \"a\" does not exist; start the parent first",
        ),
        (
            Part::Finish,
            Outcome::NotFound,
            "P0002",
            "no such run: \"a\"",
        ),
        (
            Part::Start,
            Outcome::TooLarge,
            "54000",
            "the metadata of run \"a\" would exceed the server's limit",
        ),
        (
            Part::Start,
            Outcome::Invalid,
            "22023",
            "the start of run \"a\" is invalid: why",
        ),
    ] {
        let error = Error::unapplied_part("a", part, outcome, Some("why"), None);
        assert_eq!(error.to_string(), message);
        assert_eq!(error.code(), Some(code), "{message}");
        assert_eq!(error.is_closed(), code == "55000", "{message}");
        assert!(!error.is_retryable(), "{message}");
        assert_eq!(error.meaning(), Meaning::Final, "{message}");
    }
}

#[test]
fn unapplied_operations_are_counted_and_the_first_ones_named() {
    let run: Arc<str> = "a".into();
    let unapplied = |reason: &'static str| Unapplied::new(&run, "set", Some("k"), reason);
    let one = Error::unapplied_operations(vec![unapplied("closed")], 0);
    assert_eq!(
        one.to_string(),
        "1 operation had no effect: set of run \"a\" at key \"k\": closed"
    );
    assert!(one.is_closed());
    let many = Error::unapplied_operations(vec![unapplied("42501"); 4], 96);
    assert!(
        many.to_string()
            .starts_with("100 operations had no effect: ")
    );
    assert!(many.to_string().ends_with("; and 97 more"));
    assert_eq!(many.code(), Some("42501"));
    assert_eq!(many.unapplied().len(), 4);
    let full = Error::unapplied_operations(vec![unapplied("buffer_full")], 0);
    assert_eq!((full.code(), full.is_closed()), (None, false));
}

#[test]
fn batch_is_in_doubt_only_if_it_was_sent_and_not_answered() {
    for (error, meaning) in [
        (Error::lost(), Meaning::InDoubt),
        (Error::statement_timed_out(), Meaning::InDoubt),
        (Error::answered("57P01", "ended"), Meaning::InDoubt),
        (Error::timed_out("connecting"), Meaning::Passes),
        (Error::not_let_in("28P01"), Meaning::Passes),
        (Error::answered("55P03", "locked"), Meaning::Locked),
        (Error::unexpected("garbled"), Meaning::InDoubt),
    ] {
        assert_eq!(error.meaning(), meaning, "{error}");
    }
    assert!(!Error::not_let_in("28P01").is_retryable());
    assert!(Error::not_let_in("53300").is_retryable());
}

#[test]
fn error_of_the_server_is_displayed_in_one_line() {
    let error = Error::answered("42501", "permission denied");
    assert_eq!(
        error.to_string(),
        "the server rejected the statement: permission denied (SQLSTATE 42501)"
    );
    assert_eq!(error.code(), Some("42501"));
}

#[test]
fn missing_tables_name_the_command_that_makes_them() {
    let error = Error::answered("3F000", "schema \"runmeta\" does not exist");
    assert_eq!(
        error.to_string(),
        "the server rejected the statement: schema \"runmeta\" does not exist (SQLSTATE 3F000); `runmeta migrate` creates \
         what the client needs"
    );
}

#[test]
fn debug_format_begins_with_the_displayed_line() {
    let error = Error::unapplied_part("a", Part::Start, Outcome::Closed, None, None);
    assert_eq!(
        format!("{error:?}"),
        format!("Error({:?})", error.to_string())
    );
}
