//! What happens when a batch is rejected, locked or lost?

use super::*;

#[test]
fn a_rejected_batch_is_halved_only_if_the_server_takes_one_with_nothing_in_it() {
    for takes_nothing in [true, false] {
        let (mut stepped, runs) = Stepped::with_runs(&["a", "b"]);
        runs.iter().for_each(|run| stepped.set(run, "n"));
        let whole = stepped.flush(Input::Woken);
        let probe = stepped.flush(Input::Flushed(failed("42501")));
        assert_eq!((&*probe.text, probe.sequence), ("[]", whole.sequence));
        match takes_nothing {
            true => {
                let answer = stepped.answer(&probe);
                let half = stepped.flush(Input::Flushed(answer));
                assert!(half.text.contains(r#""a""#) && !half.text.contains(r#""b""#));
                let other = stepped.flush(Input::Flushed(failed("42501")));
                assert!(other.text.contains(r#""b""#) && !other.text.contains(r#""a""#));
                let answer = stepped.answer(&other);
                assert!(stepped.step(Input::Flushed(answer)).is_empty());
                assert_eq!(runs[0].lock().unapplied.count(), 1);
                assert_eq!(runs[1].lock().unapplied.count(), 0);
            }
            false => {
                assert!(stepped.step(Input::Flushed(failed("42501"))).is_empty());
                assert!(runs.iter().all(|run| run.lock().unapplied.count() == 1));
            }
        }
        assert_eq!(stepped.buffer.budget.used(), 0);
    }
}

#[test]
fn what_takes_too_much_memory_is_halved_without_a_question() {
    let (mut stepped, runs) = Stepped::with_runs(&["a", "b"]);
    runs.iter().for_each(|run| stepped.set(run, "n"));
    stepped.flush(Input::Woken);
    let half = stepped.flush(Input::Flushed(failed("53200")));
    assert!(half.text.contains(r#""a""#) && !half.text.contains(r#""b""#));
}

#[test]
fn free_runs_go_on_without_those_whose_rows_are_locked() {
    let (mut stepped, runs) = Stepped::with_runs(&["a", "b", "c"]);
    runs.iter().for_each(|run| stepped.set(run, "n"));
    let whole = stepped.flush(Input::Woken);
    stepped.server.lock("b");
    let answer = stepped.answer(&whole);
    assert_eq!(stepped.diagnosis(Input::Flushed(answer)), ["a", "b", "c"]);
    let found = stepped.server.diagnosis(whole.writer, &["b".into()]);
    let free = stepped.flush(Input::Diagnosed(found));
    assert!(free.text.contains(r#""a""#) && free.text.contains(r#""c""#));
    assert!(!free.text.contains(r#""b""#));
    assert_eq!(free.sequence, whole.sequence);
}

#[test]
fn what_the_server_lost_is_sent_first_and_read_after() {
    let (mut stepped, runs) = Stepped::with_runs(&["a"]);
    for key in ["n", "m"] {
        stepped.set(&runs[0], key);
        let _flush = stepped.ask_flush(&runs[0]);
        let flush = stepped.flush(Input::Woken);
        let answer = stepped.answer(&flush);
        stepped.step(Input::Flushed(answer));
    }
    stepped.set(&runs[0], "o");
    let _flush = stepped.ask_flush(&runs[0]);
    let newest = stepped.flush(Input::Woken);
    let writer = newest.writer;
    assert_eq!(stepped.diagnosis(Input::Flushed(failed("55000"))), ["a"]);
    let lost = crate::wire::Diagnosis {
        last_sequence: newest.sequence - 3,
        ..Default::default()
    };
    assert!(stepped.step(Input::Diagnosed(Ok(lost))).is_empty());
    let _read = stepped.buffer.read(&runs[0], false);
    let mut sent = Vec::new();
    stepped.wait();
    let mut flush = stepped.flush(Input::Woken);
    for _ in 0..3 {
        let key = ["n", "m", "o"]
            .into_iter()
            .find(|key| flush.text.contains(&format!(r#""{key}""#)));
        sent.push((
            key.unwrap(),
            flush.sequence - newest.sequence,
            flush.writer == writer,
        ));
        let answer = Ok(Vec::new());
        let mut actions = stepped.step(Input::Flushed(answer));
        // Once nothing is lost any more, the run is read.
        let reads = actions
            .iter()
            .filter(|action| matches!(action, Action::Load(_)))
            .count();
        assert_eq!(reads, usize::from(sent.len() == 2));
        actions.retain(|action| matches!(action, Action::Flush { .. }));
        match actions.pop() {
            Some(Action::Flush { flush: next, .. }) => flush = next,
            _ => break,
        }
    }
    assert_eq!(sent, [("n", -2, true), ("m", -1, true), ("o", 0, true)]);
}
