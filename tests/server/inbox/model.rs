//! Random interleavings of several writers, who queue, write directly, commit and roll back while somebody folds: after
//! each step readers see what `core` makes of the committed lists in one order, which keeps each writer's own.

use std::collections::BTreeMap;

use proptest::prelude::{Strategy, any};
use proptest::strategy::ValueTree;
use runmeta_core::{Json, apply, parse_list};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{family, queueing};
use crate::harness::seeded;

const WRITERS: usize = 3;

/// What one writer, or whoever folds, does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Queue(usize, u8),
    Write(usize, u8),
    /// A batch with lists for the parent and the root.
    QueueBatch(usize, u8),
    /// A batch with a list of the child's for the parent, and one of the parent's own.
    WriteBatch(usize, u8),
    Begin(usize),
    Commit(usize),
    Rollback(usize),
    Savepoint(usize),
    Fold,
}

/// What a transaction has done and nobody else sees.
#[derive(Clone, Default)]
struct Pending {
    queued: BTreeMap<i64, Value>,
    /// The order in which the document was made, if the run was written, and the lists that were folded for that.
    written: Option<(Vec<Value>, Vec<i64>)>,
}

#[derive(Default)]
struct Model {
    /// The lists that made the stored document, in their order.
    stored: Vec<Value>,
    waiting: BTreeMap<i64, Value>,
    open: [Option<Pending>; WRITERS],
    last_id: i64,
}

impl Model {
    /// Returns what readers see: the document and the version.
    fn live(&self) -> (Json, i64) {
        let mut document = Json::from(json!({"n": 0, "list": []}));
        let lists = || self.stored.iter().chain(self.waiting.values());
        for list in lists() {
            apply(&mut document, &parse_list(&Json::from(list)).unwrap());
        }
        (document, 1 + i64::try_from(lists().count()).unwrap())
    }

    /// Tells whether another writer has locked the run.
    fn locked_by_another(&self, writer: usize) -> bool {
        let written = |pending: &Option<Pending>| {
            pending
                .as_ref()
                .is_some_and(|pending| pending.written.is_some())
        };
        (0..WRITERS).any(|other| other != writer && written(&self.open[other]))
    }

    fn queue(&mut self, writer: usize, list: Value) {
        self.last_id += 1;
        match &mut self.open[writer] {
            Some(pending) => pending.queued.insert(self.last_id, list),
            None => self.waiting.insert(self.last_id, list),
        };
    }

    fn write(&mut self, writer: usize, list: Value) {
        let mut pending = self.open[writer].take().unwrap_or_default();
        let (mut order, mut folded) = pending
            .written
            .take()
            .unwrap_or((self.stored.clone(), Vec::new()));
        let mut visible = self.waiting.clone();
        visible.retain(|id, _| !folded.contains(id));
        visible.append(&mut pending.queued);
        for (id, list) in visible {
            folded.push(id);
            order.push(list);
        }
        order.push(list);
        pending.written = Some((order, folded));
        self.open[writer] = Some(pending);
    }

    fn commit(&mut self, writer: usize) {
        let Some(pending) = self.open[writer].take() else {
            return;
        };
        if let Some((order, folded)) = pending.written {
            self.stored = order;
            self.waiting.retain(|id, _| !folded.contains(id));
        }
        self.waiting.extend(pending.queued);
    }
}

/// Returns a list that changes the document each time. `list` shows the order of all.
fn list(kind: u8, writer: usize, number: usize) -> Value {
    let mark = json!({"type": "append", "key": "list", "value": [writer, number]});
    let other = match kind % 6 {
        0 => json!({"type": "increment", "key": "n", "value": 1}),
        1 => json!({"type": "set", "key": "n", "value": number}),
        2 => json!({"type": "delete", "key": "n"}),
        3 => json!({"type": "set", "key": "$.deep.x", "value": writer}),
        4 => json!({"type": "set", "key": "deep", "value": "scalar"}),
        _ => json!({"type": "merge", "value": {"m": {"w": writer, "n": null}}}),
    };
    json!([mark, other])
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..16u8, 0..WRITERS, any::<u8>()).prop_map(|(what, writer, kind)| match what {
        0..=4 => Step::Queue(writer, kind),
        5 => Step::QueueBatch(writer, kind),
        6 | 7 => Step::Write(writer, kind),
        8 => Step::WriteBatch(writer, kind),
        9 | 10 => Step::Begin(writer),
        11 | 12 => Step::Commit(writer),
        13 => Step::Rollback(writer),
        14 => Step::Savepoint(writer),
        _ => Step::Fold,
    });
    proptest::collection::vec(step, 1..60)
}

async fn live(reader: &Client) -> (Json, i64) {
    let live = "SELECT metadata::text, version FROM runmeta.live_run WHERE id = 'top'";
    let row = reader.query_one(live, &[]).await.unwrap();
    (Json::parse(row.get(0)).unwrap(), row.get(1))
}

async fn flush(client: &Client, batch: &Value, outcome: &str) {
    let call = format!("SELECT DISTINCT outcome FROM runmeta.flush('{batch}')");
    let row = client.query_one(&call, &[]).await.unwrap();
    assert_eq!(row.get::<_, String>(0), outcome);
}

async fn play(steps: &[Step]) {
    let (database, reader) = family().await;
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        writers.push(queueing(&database).await);
    }
    let mut model = Model::default();
    for (number, step) in steps.iter().enumerate() {
        match *step {
            Step::Queue(writer, kind) => {
                let list = list(kind, writer, number);
                let call =
                    format!("SELECT version FROM runmeta.apply('child', '{list}', 'parent')");
                let row = writers[writer].query_one(&call, &[]).await.unwrap();
                assert_eq!(row.get::<_, Option<i64>>(0), None);
                model.queue(writer, list);
            }
            Step::Write(writer, kind) if !model.locked_by_another(writer) => {
                let list = list(kind, writer, number);
                let alone = model.open[writer].is_none();
                let call = format!("SELECT FROM runmeta.apply('top', '{list}')");
                writers[writer].batch_execute(&call).await.unwrap();
                model.write(writer, list);
                if alone {
                    model.commit(writer);
                }
            }
            Step::QueueBatch(writer, kind) => {
                let lists = [list(kind, writer, number), list(kind / 6, writer, number)];
                let batch = json!([{"run": "child", "parentOperations": lists[0]}, {"run": "second", "rootOperations": lists[1]}]);
                flush(&writers[writer], &batch, "queued").await;
                for list in lists {
                    model.queue(writer, list);
                }
            }
            Step::WriteBatch(writer, kind) if !model.locked_by_another(writer) => {
                let lists = [list(kind, writer, number), list(kind / 6, writer, number)];
                let batch = json!([{"run": "child", "parentOperations": lists[0]}, {"run": "top", "operations": lists[1]}]);
                let alone = model.open[writer].is_none();
                flush(&writers[writer], &batch, "applied").await;
                // Both are stored as one version.
                let [mut first, second] = lists;
                first
                    .as_array_mut()
                    .unwrap()
                    .extend(second.as_array().unwrap().clone());
                model.write(writer, first);
                if alone {
                    model.commit(writer);
                }
            }
            Step::Begin(writer) if model.open[writer].is_none() => {
                writers[writer].batch_execute("BEGIN").await.unwrap();
                model.open[writer] = Some(Pending::default());
            }
            Step::Commit(writer) if model.open[writer].is_some() => {
                writers[writer].batch_execute("COMMIT").await.unwrap();
                model.commit(writer);
            }
            Step::Rollback(writer) if model.open[writer].is_some() => {
                writers[writer].batch_execute("ROLLBACK").await.unwrap();
                model.open[writer] = None;
            }
            // Of what is done behind a savepoint nothing is left.
            Step::Savepoint(writer)
                if model.open[writer].is_some() && !model.locked_by_another(writer) =>
            {
                let list = list(0, writer, number);
                let calls = format!(
                    "SAVEPOINT s; SELECT runmeta.apply('child', '{list}', 'parent'); SELECT runmeta.apply('top', '{list}'); ROLLBACK TO s"
                );
                writers[writer].batch_execute(&calls).await.unwrap();
                model.last_id += 1;
            }
            Step::Fold => {
                let row = reader
                    .query_one("SELECT runmeta.fold()", &[])
                    .await
                    .unwrap();
                if model.locked_by_another(WRITERS) {
                    assert_eq!(row.get::<_, i64>(0), 0);
                } else {
                    let lists = std::mem::take(&mut model.waiting);
                    assert_eq!(row.get::<_, i64>(0), i64::try_from(lists.len()).unwrap());
                    model.stored.extend(lists.into_values());
                }
            }
            _ => continue,
        }
        let (expected, seen) = (model.live(), live(&reader).await);
        assert!(
            expected.0.same_value(&seen.0) && expected.1 == seen.1,
            "step {number}: expected {expected:?}, but readers see {seen:?}"
        );
    }
    for (writer, client) in writers.iter().enumerate() {
        client.batch_execute("COMMIT").await.unwrap();
        model.commit(writer);
    }
    let (expected, seen) = (model.live(), live(&reader).await);
    assert!(expected.0.same_value(&seen.0), "{expected:?}, {seen:?}");
    let seen = Value::try_from(&seen.0).unwrap();
    for writer in 0..WRITERS {
        let of_writer = |mark: &&Value| mark[0] == json!(writer);
        let marks = seen["list"].as_array().unwrap().iter();
        let numbers: Vec<_> = marks
            .filter(of_writer)
            .map(|mark| mark[1].as_u64())
            .collect();
        assert!(numbers.is_sorted(), "writer {writer}: {numbers:?}");
    }
}

#[tokio::test]
async fn any_interleaving_is_an_order_that_keeps_each_writers_own() {
    let (_, mut runner) = seeded();
    for _ in 0..24 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        eprintln!("{steps:?}");
        play(&steps).await;
    }
}
