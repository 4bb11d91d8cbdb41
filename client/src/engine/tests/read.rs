//! When are runs read?

use super::*;
use crate::wire::Wanted;

fn load(actions: Vec<Action>) -> Vec<Wanted> {
    match actions.into_iter().next() {
        Some(Action::Load(wanted)) => wanted,
        other => panic!("{other:?}"),
    }
}

fn many(stepped: &Stepped, count: usize) -> Vec<Awaited<()>> {
    let read = |id: usize| {
        let run = stepped.buffer.run(&format!("run {id}"));
        stepped.buffer.read(&run, true)
    };
    (0..count).map(read).collect()
}

#[test]
fn many_reads_travel_together_and_those_of_one_run_are_one() {
    let mut stepped = Stepped::new(Settings::default());
    let mut reads = many(&stepped, 250);
    reads.extend((0..4).flat_map(|_| many(&stepped, 250)));
    let mut counts = Vec::new();
    let mut actions = stepped.step(Input::Woken);
    while !actions.is_empty() {
        counts.push(load(actions).len());
        actions = stepped.step(Input::Loaded(Ok(Vec::new())));
    }
    assert_eq!(counts, [100, 100, 50]);
    for read in &mut reads {
        let error = read.try_recv().unwrap().unwrap_err();
        assert_eq!(error.code(), Some("P0002"));
    }
}

#[test]
fn whoever_reads_ends_the_pause_but_not_before_the_first() {
    let mut stepped = Stepped::new(Settings::default());
    let _read = many(&stepped, 1);
    load(stepped.step(Input::Woken));
    for _ in 0..10 {
        assert!(stepped.step(Input::Loaded(Err(Error::lost()))).is_empty());
        stepped.wait();
        load(stepped.step(Input::Timer));
    }
    stepped.step(Input::Loaded(Err(Error::lost())));
    let _more = many(&stepped, 2);
    assert!(stepped.step(Input::Woken).is_empty());
    assert!(stepped.wait() <= Duration::from_millis(50));
}

#[test]
fn a_run_is_not_read_while_it_is_in_flight_nor_sent_while_it_is_read() {
    let (mut stepped, runs) = Stepped::with_runs(&["a"]);
    stepped.set(&runs[0], "n");
    let flush = stepped.flush(Input::Woken);
    let _read = stepped.buffer.read(&runs[0], true);
    assert!(stepped.step(Input::Woken).is_empty());
    let answer = stepped.answer(&flush);
    let wanted = load(stepped.step(Input::Flushed(answer)));
    stepped.set(&runs[0], "m");
    let _flush = stepped.ask_flush(&runs[0]);
    assert!(stepped.step(Input::Woken).is_empty());
    let loaded = stepped.server.read(&wanted);
    stepped.flush(Input::Loaded(loaded));
}

#[test]
fn runs_that_cannot_be_read_together_are_read_one_by_one() {
    let (mut stepped, runs) = Stepped::with_runs(&["a", "b"]);
    stepped.server.deny("b");
    let mut reads: Vec<_> = runs
        .iter()
        .map(|run| stepped.buffer.read(run, true))
        .collect();
    let mut actions = stepped.step(Input::Woken);
    let mut statements = 0;
    while !actions.is_empty() {
        statements += 1;
        let loaded = stepped.server.read(&load(actions));
        actions = stepped.step(Input::Loaded(loaded));
    }
    assert_eq!(statements, 3);
    assert!(matches!(reads[0].try_recv(), Ok(Ok(()))));
    assert_eq!(
        reads[1].try_recv().unwrap().unwrap_err().code(),
        Some("42501")
    );
}

#[test]
fn a_document_that_is_read_here_and_another_writer_changed_is_read_again() {
    let (mut stepped, runs) = Stepped::with_runs(&["a"]);
    let _read = stepped.buffer.read(&runs[0], true);
    let wanted = load(stepped.step(Input::Woken));
    let loaded = stepped.server.read(&wanted);
    stepped.step(Input::Loaded(loaded));
    let mut document = runs[0].lock().document.take().unwrap();
    document.text([]);
    runs[0].lock().document = Some(document);
    let change = serde_json::json!({"type": "set", "key": "other", "value": 1});
    stepped.server.write("a", &change);
    stepped.set(&runs[0], "n");
    let flush = stepped.flush(Input::Woken);
    let answer = stepped.answer(&flush);
    load(stepped.step(Input::Flushed(answer)));
}

#[test]
fn what_was_read_before_the_server_was_known_to_have_lost_something_is_read_again() {
    let (mut stepped, runs) = Stepped::with_runs(&["a", "b"]);
    let mut read = stepped.buffer.read(&runs[0], true);
    let wanted = load(stepped.step(Input::Woken));
    stepped.set(&runs[1], "n");
    let newest = stepped.flush(Input::Woken);
    stepped.diagnosis(Input::Flushed(failed("55000")));
    let lost = crate::wire::Diagnosis {
        last_sequence: newest.sequence - 2,
        ..Default::default()
    };
    assert!(stepped.step(Input::Diagnosed(Ok(lost))).is_empty());
    let loaded = stepped.server.read(&wanted);
    assert!(stepped.step(Input::Loaded(loaded)).is_empty());
    assert!(read.try_recv().is_err(), "it may lack what the server lost");
    stepped.wait();
    stepped.flush(Input::Timer);
    let actions = stepped.step(Input::Flushed(Ok(Vec::new())));
    assert!(matches!(
        actions.as_slice(),
        [Action::Flush { .. }, Action::Load(_)]
    ));
}
