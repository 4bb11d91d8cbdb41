//! When is what waits for a lock looked at and sent again?

use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);

/// Returns an engine of which run `a` is set aside.
fn locked() -> (Stepped, Vec<Arc<RunState>>) {
    let (mut stepped, runs) = Stepped::with_runs(&["a", "b"]);
    stepped.set(&runs[0], "n");
    let flush = stepped.flush(Input::Woken);
    stepped.server.lock("a");
    let answer = stepped.answer(&flush);
    stepped.diagnosis(Input::Flushed(answer));
    let found = stepped.server.diagnosis(flush.writer, &["a".into()]);
    assert!(stepped.step(Input::Diagnosed(found)).is_empty());
    (stepped, runs)
}

/// Lets the server answer what is locked.
fn look(stepped: &Stepped) -> Input {
    Input::Diagnosed(stepped.server.diagnosis(uuid::Uuid::nil(), &["a".into()]))
}

#[test]
fn a_row_is_looked_at_each_second_and_its_batch_is_sent_when_it_is_free() {
    let (mut stepped, _) = locked();
    for _ in 0..2 {
        assert_eq!(stepped.wait(), 1_000 * MILLISECOND);
        assert_eq!(stepped.diagnosis(Input::Timer), ["a"]);
        let found = look(&stepped);
        assert!(stepped.step(found).is_empty());
    }
    stepped.server.unlock("a");
    stepped.wait();
    stepped.diagnosis(Input::Timer);
    let found = look(&stepped);
    let flush = stepped.flush(found);
    let answer = stepped.answer(&flush);
    assert!(stepped.step(Input::Flushed(answer)).is_empty());
    assert_eq!(stepped.server.document("a"), serde_json::json!({"n": 1}));
    assert!(stepped.is_idle());
}

#[test]
fn a_row_that_is_locked_at_each_look_gets_its_turn_in_line() {
    let (mut stepped, _) = locked();
    let mut looks = 0;
    let flush = loop {
        stepped.wait();
        stepped.diagnosis(Input::Timer);
        looks += 1;
        assert!(looks < 10, "it never gets its turn");
        let found = look(&stepped);
        if let Some(Action::Flush { flush, .. }) = stepped.step(found).pop() {
            break flush;
        }
    };
    assert_eq!(looks, 4);
    assert!(
        flush.lock_timeout >= 500 * MILLISECOND,
        "{:?}",
        flush.lock_timeout
    );
}

#[test]
fn whoever_waits_brings_the_look_forward_but_not_without_end() {
    let (mut stepped, runs) = locked();
    let _flush = stepped.ask_flush(&runs[0]);
    stepped.diagnosis(Input::Woken);
    let found = look(&stepped);
    assert!(stepped.step(found).is_empty());
    for _ in 0..10 {
        let _flush = stepped.ask_flush(&runs[0]);
        assert!(stepped.step(Input::Woken).is_empty());
    }
    assert_eq!(stepped.wait(), 100 * MILLISECOND);
}

#[test]
fn nobody_hurries_what_was_too_much_for_the_memory_of_the_server() {
    let (mut stepped, runs) = Stepped::with_runs(&["a"]);
    stepped.set(&runs[0], "n");
    stepped.flush(Input::Woken);
    assert!(stepped.step(Input::Flushed(failed("53200"))).is_empty());
    let _flush = stepped.ask_flush(&runs[0]);
    assert!(stepped.step(Input::Woken).is_empty());
    assert!(stepped.wait() >= 1_000 * MILLISECOND);
}

#[test]
fn what_is_recorded_on_other_runs_leaves_as_ever() {
    let (mut stepped, runs) = locked();
    stepped.now += 250 * MILLISECOND;
    stepped.set(&runs[1], "n");
    let flush = stepped.flush(Input::Woken);
    assert!(flush.text.contains(r#""b""#) && !flush.text.contains(r#""a""#));
}

#[test]
fn what_is_being_read_is_not_sent_though_its_row_is_free() {
    let (mut stepped, runs) = locked();
    let _read = stepped.buffer.read(&runs[0], true);
    let wanted = match stepped.step(Input::Woken).as_slice() {
        [Action::Diagnose { .. }, Action::Load(wanted)] => wanted.clone(),
        other => panic!("{other:?}"),
    };
    stepped.server.unlock("a");
    let found = look(&stepped);
    assert!(stepped.step(found).is_empty());
    let loaded = stepped.server.read(&wanted);
    assert!(stepped.step(Input::Loaded(loaded)).is_empty());
    stepped.wait();
    stepped.diagnosis(Input::Timer);
    let found = look(&stepped);
    stepped.flush(found);
}

#[test]
fn a_read_that_waited_for_the_batch_begins_when_that_is_set_aside() {
    let (mut stepped, runs) = Stepped::with_runs(&["a"]);
    stepped.set(&runs[0], "n");
    let flush = stepped.flush(Input::Woken);
    let _read = stepped.buffer.read(&runs[0], true);
    assert!(stepped.step(Input::Woken).is_empty());
    stepped.server.lock("a");
    let answer = stepped.answer(&flush);
    stepped.diagnosis(Input::Flushed(answer));
    let found = look(&stepped);
    let actions = stepped.step(found);
    assert!(
        actions
            .iter()
            .any(|action| matches!(action, Action::Load(_)))
    );
}
