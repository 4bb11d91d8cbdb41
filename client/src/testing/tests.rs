use serde_json::{Value, json};
use uuid::Uuid;

use super::faults::{Fault, FaultyServer};
use super::*;
use crate::wire::{Outcome, Part, Target};

/// Sends batches of one writer, one after the other.
struct Sender {
    server: FaultyServer,
    writer: Uuid,
    sequence: i64,
}

impl Sender {
    fn new() -> Sender {
        Sender {
            server: FaultyServer::default(),
            writer: Uuid::new_v4(),
            sequence: 0,
        }
    }

    fn batch(&self, sequence: i64, entries: &Value) -> Flush {
        Flush {
            text: entries.to_string().into(),
            writer: self.writer,
            sequence,
            lock_timeout: Duration::ZERO,
        }
    }

    /// Sends the next batch.
    fn send(&mut self, entries: Value) -> String {
        self.sequence += 1;
        self.send_as(self.sequence, &entries)
    }

    fn send_as(&self, sequence: i64, entries: &Value) -> String {
        match self.server.take(&self.batch(sequence, entries)) {
            Ok(rows) => rows.iter().map(line).collect::<Vec<_>>().join("; "),
            Err(error) => error.code().unwrap_or("no answer").to_owned(),
        }
    }

    fn document(&self, run: &str) -> String {
        self.server.database.document_text(run).unwrap()
    }
}

fn line(row: &Row) -> String {
    let part = match row.part {
        Part::Operations if row.target != Target::Own => row.target.name(),
        part => part.name(),
    };
    let mut line = format!("{} {part} {}", row.run, row.outcome);
    if let Some(version) = row.version {
        line += &format!(" v{version}");
    }
    for (index, reason) in &row.unapplied {
        line += &format!(" {index}:{reason}");
    }
    line
}

fn set(key: &str, value: impl Into<Value>) -> Value {
    json!({"type": "set", "key": key, "value": value.into()})
}

#[test]
fn parts_of_an_entry_take_effect_in_their_order() {
    let mut sender = Sender::new();
    let rows = sender.send(json!([{
        "run": "a", "finish": "failed", "status": "paused", "operations": [set("n", 1)], "start": {"metadata": {"n": 0}},
    }]));
    assert_eq!(
        rows,
        "a start applied v1; a operations applied v2; a status applied v3; a finish applied v4"
    );
    assert_eq!(sender.document("a"), r#"{"n":1}"#);
    assert_eq!(
        sender.server.database.status("a").as_deref(),
        Some("failed")
    );
}

#[test]
fn numbers_are_exact() {
    let mut sender = Sender::new();
    sender.send(json!([{"run": "a", "start": {}}]));
    let text = r#"[{"run":"a","operations":[{"type":"set","key":"n","value":[1e400,0.10]}]}]"#;
    let batch = Flush {
        text: text.into(),
        ..sender.batch(2, &json!([]))
    };
    sender.server.database.take(&batch).unwrap();
    assert_eq!(sender.document("a"), r#"{"n":[1e400,0.10]}"#);
}

#[test]
fn start_without_an_attempt_finds_an_unfinished_run_as_it_is() {
    let mut sender = Sender::new();
    let start = json!([{"run": "a", "start": {"metadata": {"n": 1}}}]);
    assert_eq!(sender.send(start.clone()), "a start applied v1");
    assert_eq!(sender.send(start.clone()), "a start unchanged v1");
    assert_eq!(
        sender.send(json!([{"run": "a", "finish": "completed"}])),
        "a finish applied v2"
    );
    assert_eq!(sender.send(start), "a start closed v2");
}

#[test]
fn a_newer_attempt_begins_and_an_older_one_is_stale() {
    let mut sender = Sender::new();
    sender.send(json!([{"run": "a", "start": {"metadata": {"n": 1, "m": 1}, "attempt": 1}, "finish": "failed"}]));
    let second =
        json!([{"run": "a", "start": {"metadata": {"m": null}, "attempt": 2, "status": "queued"}}]);
    assert_eq!(sender.send(second.clone()), "a start applied v3");
    assert_eq!(sender.send(second), "a start unchanged v3");
    let run = sender.server.database.run("a").unwrap();
    assert_eq!(
        (run.attempt, run.status.as_str(), run.is_finished),
        (2, "queued", false)
    );
    assert_eq!(sender.document("a"), r#"{"n":1}"#);

    let first = json!([{"run": "a", "start": {"attempt": 1}, "operations": [set("n", 9)], "finish": "completed"}]);
    assert_eq!(
        sender.send(first),
        "a start stale v3; a operations stale v3; a finish stale v3"
    );
    let late = json!([{"run": "a", "status": {"status": "running", "attempt": 1}, "finish": {"status": "failed", "attempt": 3}}]);
    assert_eq!(
        sender.send(late),
        "a status stale v3; a finish invalid v3 0:attempt_not_begun"
    );
}

#[test]
fn an_attempt_finishes_once() {
    let mut sender = Sender::new();
    sender.send(json!([{"run": "a", "start": {}}]));
    let finish = |status: &str| json!([{"run": "a", "finish": status}]);
    assert_eq!(sender.send(finish("failed")), "a finish applied v2");
    assert_eq!(sender.send(finish("failed")), "a finish unchanged v2");
    assert_eq!(sender.send(finish("completed")), "a finish closed v2");
    assert_eq!(
        sender.send(finish("running")),
        "a finish invalid 0:unfinished_status"
    );
    assert_eq!(
        sender.send(json!([{"run": "a", "status": "paused"}])),
        "a status closed v2"
    );
}

#[test]
fn parents_may_stand_behind_their_children() {
    let mut sender = Sender::new();
    let rows = sender.send(json!([
        {"run": "child", "start": {"parent": "middle"}, "parentOperations": [set("n", 1)], "rootOperations": [set("m", 2)]},
        {"run": "orphan", "start": {"parent": "nobody"}, "operations": [set("n", 1)]},
        {"run": "circle", "start": {"parent": "circle"}},
        {"run": "middle", "start": {"parent": "top"}},
        {"run": "top", "start": {}},
    ]));
    assert_eq!(
        rows,
        "child start applied v1; child parent applied v2; child root applied v2; \
         orphan start not_found; orphan operations not_found; circle start not_found; \
         middle start applied v1; top start applied v1"
    );
    assert_eq!(
        (sender.document("middle"), sender.document("top")),
        (r#"{"n":1}"#.into(), r#"{"m":2}"#.into())
    );
    assert_eq!(sender.server.database.run("child").unwrap().root, "top");
}

#[test]
fn a_start_that_no_run_can_have_is_invalid_for_its_run_alone() {
    let mut sender = Sender::new();
    let rows = sender.send(json!([
        {"run": "a", "start": {"task": ""}, "operations": []},
        {"run": "b", "start": {"status": "completed"}},
        {"run": "c", "start": {"attempt": 0}},
        {"run": "d", "start": {"metadata": [1]}},
        {"run": "e", "start": {}},
    ]));
    assert_eq!(
        rows,
        "a start invalid 0:bad_length; a operations invalid; b start invalid 0:final_status; \
         c start invalid 0:bad_attempt; d start invalid 0:bad_metadata; e start applied v1"
    );
}

#[test]
fn a_malformed_batch_is_rejected_as_a_whole() {
    let mut sender = Sender::new();
    for bad in [
        json!({}),
        json!([1]),
        json!([{"operations": []}]),
        json!([{"run": ""}]),
        json!([{"run": "a", "operation": []}]),
        json!([{"run": "a", "operations": [1]}]),
        json!([{"run": "a", "start": {"parents": "b"}}]),
        json!([{"run": "a", "status": {"attempt": 1}}]),
    ] {
        let batch = json!([{"run": "z", "start": {}}, bad[0]]);
        let bad = if bad.is_array() { batch } else { bad };
        assert_eq!(sender.send_as(1, &bad), "22023", "{bad}");
    }
    assert_eq!(sender.send_as(1, &json!([{"run": "a\0"}])), "22P05");
    assert_eq!(
        sender.send(json!([{"run": "z", "finish": "failed"}])),
        "z finish not_found"
    );
}

#[test]
fn a_batch_takes_effect_once_and_its_answer_can_be_had_again() {
    let mut sender = Sender::new();
    let start = json!([{"run": "a", "start": {}}, {"run": "b", "start": {"parent": "nobody"}}]);
    assert_eq!(
        sender.send(start.clone()),
        "a start applied v1; b start not_found"
    );
    assert_eq!(
        sender.send_as(1, &start),
        "a start duplicate; b start not_found"
    );

    let lists = json!([
        {"run": "a", "operations": [{"type": "increment", "key": "n"}]},
        {"run": "a", "operations": [{"type": "remove", "key": "n", "value": 1}]},
    ]);
    assert_eq!(
        sender.send(lists.clone()),
        "a operations applied v2; a operations unchanged v2 0:not_an_array"
    );
    assert_eq!(
        sender.send_as(2, &lists),
        "a operations duplicate; a operations duplicate 0:not_an_array"
    );
    assert_eq!(
        sender.send_as(1, &start),
        "a start duplicate; b start duplicate"
    );
    assert_eq!(sender.send_as(4, &lists), "55000");
    assert_eq!(sender.document("a"), r#"{"n":1}"#);
    assert_eq!(
        sender
            .server
            .diagnosis(sender.writer, &[])
            .unwrap()
            .last_sequence,
        2
    );
}

#[test]
fn a_document_may_not_grow_over_the_limit() {
    let mut sender = Sender::new();
    let database = sender.server.database.clone();
    sender.send(json!([{"run": "a", "start": {"metadata": {"text": "0123456789"}}}]));
    database.set_maximum_size(10);
    let long = json!([{"run": "a", "operations": [set("b", 1)]}, {"run": "b", "start": {"metadata": {"text": "0123456789"}}}]);
    assert_eq!(
        sender.send(long),
        "a operations too_large v1; b start too_large"
    );
    assert_eq!(
        sender.send(json!([{"run": "a", "operations": [set("text", "012")]}])),
        "a operations applied v2"
    );
}

#[test]
fn a_finished_run_takes_updates_for_a_while() {
    let mut sender = Sender::new();
    sender.send(json!([{"run": "a", "start": {}, "finish": "completed"}]));
    let list = json!([{"run": "a", "operations": [set("n", 1)]}]);
    assert_eq!(sender.send(list.clone()), "a operations applied v3");
    sender.server.database.close("a");
    assert_eq!(sender.send(list.clone()), "a operations closed v3");
    sender.send(json!([{"run": "a", "start": {"attempt": 2}}]));
    assert_eq!(sender.send(list), "a operations unchanged v4");
}

#[test]
fn other_processes_write_and_remove_runs() {
    let mut sender = Sender::new();
    let database = sender.server.database.clone();
    let code = |result: Result<(), Error>| result.unwrap_err().code().map(str::to_owned);
    sender.send(json!([{"run": "a", "start": {}}]));
    database.write("a", json!([set("n", 1)])).unwrap();
    assert_eq!(database.document("a"), Some(json!({"n": 1})));
    let wrong = json!([{"type": "remove", "key": "n", "value": 1}]);
    assert_eq!(code(database.write("a", wrong)), Some("22023".to_owned()));
    assert_eq!(
        code(database.write("a", "no list")),
        Some("22023".to_owned())
    );
    database.remove("a");
    assert_eq!(database.document("a"), None);
    assert_eq!(
        code(database.write("a", json!([set("n", 1)]))),
        Some("P0002".to_owned())
    );
}

#[test]
fn an_unreachable_database_takes_nothing() {
    let mut sender = Sender::new();
    sender.server.database.set_reachable(false);
    assert_eq!(sender.send(json!([{"run": "a", "start": {}}])), "no answer");
    sender.server.database.set_reachable(true);
    assert_eq!(
        sender.send_as(1, &json!([{"run": "a", "start": {}}])),
        "a start applied v1"
    );
}

#[test]
fn faults_are_what_they_are_called() {
    let mut sender = Sender::new();
    let server = sender.server.clone();
    let count = json!([{"run": "a", "operations": [{"type": "increment", "key": "n"}]}]);
    sender.send(json!([{"run": "a", "start": {}}, {"run": "b", "start": {"parent": "a"}}]));

    server.fail_next(Fault::CutBefore);
    assert_eq!(sender.send(count.clone()), "no answer");
    server.fail_next(Fault::CutAfter);
    assert_eq!(sender.send_as(2, &count), "no answer");
    assert_eq!(sender.send_as(2, &count), "a operations duplicate");
    server.fail_next(Fault::Late(1));
    assert_eq!(sender.send_as(3, &count), "no answer");
    assert_eq!(sender.document("a"), r#"{"n":1}"#);
    assert_eq!(sender.send_as(3, &json!([])), "");
    assert_eq!(sender.document("a"), r#"{"n":2}"#);

    server.write("b", &set("m", 1));
    server.fail_next(Fault::Failover(1));
    assert_eq!(sender.send_as(4, &count), "55000");
    assert_eq!(
        (sender.document("a"), sender.document("b")),
        (r#"{"n":1}"#.into(), r#"{"m":1}"#.into())
    );
    server.fail_next(Fault::Denied);
    assert_eq!(sender.send_as(3, &count), "42501");
    server.fail_next(Fault::NotLetIn);
    assert_eq!(sender.send_as(3, &count), "28P01");
}

#[test]
fn a_lock_is_in_the_way_of_what_changes_the_row() {
    let mut sender = Sender::new();
    let server = sender.server.clone();
    sender.send(json!([{"run": "a", "start": {}}, {"run": "b", "start": {"parent": "a"}}]));
    let next = || sender.sequence + 1;
    server.lock("a");
    let own = json!([{"run": "a", "operations": [set("n", 1)]}]);
    let of_child = json!([{"run": "b", "parentOperations": [set("n", 2)]}]);
    for batch in [
        own.clone(),
        of_child.clone(),
        json!([{"run": "a", "status": "paused"}]),
        json!([{"run": "a", "start": {"attempt": 2}}]),
    ] {
        assert_eq!(sender.send_as(next(), &batch), "55P03", "{batch}");
    }
    let asked = ["a".into(), "b".into()];
    let found = server.diagnosis(sender.writer, &asked).unwrap();
    assert_eq!(
        (found.locked.as_slice(), found.table_is_locked),
        (["a".to_owned()].as_slice(), false)
    );
    assert_eq!(
        sender.send(json!([{"run": "a", "start": {}}])),
        "a start unchanged v1"
    );
    server.start_worker();
    assert_eq!(sender.send(of_child), "b parent queued");
    server.unlock("a");
    assert_eq!(sender.send(own.clone()), "a operations applied v3");

    server.lock_table(true);
    let next = sender.sequence + 1;
    assert_eq!(sender.send_as(next, &own), "55P03");
    assert!(
        server
            .diagnosis(sender.writer, &asked)
            .unwrap()
            .table_is_locked
    );
    server.lock_table(false);
    server.fill_queue(true);
    assert_eq!(sender.send_as(next, &own), "54000");
    assert_eq!(
        server
            .diagnosis(sender.writer, &asked)
            .unwrap()
            .notification_queue,
        1.0
    );
    server.fill_queue(false);
    server.set_maximum_operations(Some(0));
    assert_eq!(sender.send_as(next, &own), "53200");
}

#[test]
fn a_denied_run_fails_the_batch_and_a_garbled_one_the_read() {
    let mut sender = Sender::new();
    let server = sender.server.clone();
    sender.send(json!([{"run": "a", "start": {"metadata": {"n": 1.50}}}]));
    let wanted = |id: &str, document| {
        let id = id.into();
        Wanted { id, document }
    };
    let read = |document| {
        server
            .read(&[wanted("a", document), wanted("z", document)])
            .unwrap()
    };
    assert_eq!(read(true)[0].document, r#"{"n":1.5}"#);
    assert_eq!(
        (read(false).len(), read(false)[0].document.as_str()),
        (1, "")
    );
    server.deny("a");
    assert_eq!(
        server.read(&[wanted("a", true)]).unwrap_err().code(),
        Some("42501")
    );
    let next = sender.sequence + 1;
    assert_eq!(
        sender.send_as(next, &json!([{"run": "a", "finish": "failed"}])),
        "42501"
    );
    server.allow("a");
    server.garble("a");
    assert!(server.read(&[wanted("a", true)]).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_statement_waits_for_a_lock_and_no_longer_than_it_may() {
    let mut sender = Sender::new();
    let server = sender.server.clone();
    sender.send(json!([{"run": "a", "start": {}}]));
    server.lock("a");
    let batch = Flush {
        lock_timeout: Duration::from_secs(1),
        ..sender.batch(2, &json!([{"run": "a", "finish": "failed"}]))
    };
    let began = Instant::now();
    let late = server.flush(batch.clone()).await.unwrap_err();
    assert_eq!(
        (late.code(), began.elapsed()),
        (Some("55P03"), Duration::from_secs(1))
    );
    let unlock = async {
        tokio::task::yield_now().await;
        server.unlock("a");
    };
    let (rows, ()) = tokio::join!(server.flush(batch), unlock);
    assert_eq!(rows.unwrap()[0].outcome, Outcome::Applied);
}
