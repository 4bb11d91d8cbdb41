//! Whatever happens, and in whatever order: each operation takes effect once, in the order in which it was recorded.
//!
//! The engine is stepped by hand against a server in memory, without a runtime and without time, so a case takes
//! microseconds. A case is a list of bytes, each of which chooses what happens next: that is quickly made, and what is left
//! after shrinking is easily read.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use runmeta_core::wire::Target;
use runmeta_core::{Json, Key, Operation, apply};
use tokio::time::Instant;

use super::super::{Action, Engine, Input};
use crate::Error;
use crate::buffer::decimal::Decimal;
use crate::buffer::state::{CommandKind, Completed, RunState};
use crate::buffer::waiter::Awaited;
use crate::buffer::{Buffer, Recorder};
use crate::settings::Settings;
use crate::testing::faults::{Fault, FaultyServer};
use crate::wire::{Diagnosis, Flush, Loaded, Row, Wanted};

/// A run, its child, and the child's child.
const RUNS: [&str; 3] = ["a", "b", "c"];

/// Cases that `make test` runs. `RUNMETA_CASES=1000000 cargo test --release -p runmeta-client engine::tests::laws` runs a
/// million, in 50 s on two cores.
fn cases() -> u32 {
    let cases = std::env::var("RUNMETA_CASES").ok();
    cases.and_then(|cases| cases.parse().ok()).unwrap_or(4_000)
}

/// What a call is given and answers later.
enum Calling {
    Flush(Flush),
    Diagnose(uuid::Uuid, Vec<Arc<str>>),
}

struct World {
    buffer: Arc<Buffer>,
    engine: Engine,
    server: FaultyServer,
    now: Instant,
    calling: Option<Calling>,
    reading: Option<Vec<Wanted>>,
    runs: Vec<Arc<RunState>>,
    /// What the documents are to be.
    expected: Vec<Json>,
    flushes: Vec<Awaited<()>>,
    calls: Vec<Awaited<Completed>>,
    statuses: Vec<Option<String>>,
    /// Another writer changed these, so what is read here may lag.
    has_other_writer: bool,
    has_little_memory: bool,
}

fn parent_of(run: usize) -> usize {
    run.saturating_sub(1)
}

fn addressed(run: usize, target: Target) -> usize {
    match target {
        Target::Own => run,
        Target::Parent => parent_of(run),
        Target::Root => 0,
    }
}

fn operation(choice: u8) -> Operation<Json> {
    let key = ["n", "log", "$.a.b", "a", "$.log[0]"][usize::from(choice % 5)];
    let key = Key::parse(key).unwrap();
    let value = Json::from(i64::from(choice));
    match choice / 5 % 7 {
        0 => Operation::Set { key, value },
        1 | 2 => Operation::Append {
            key,
            value,
            keep: (choice > 128).then_some(2),
        },
        3 => Operation::Delete { key },
        4 => Operation::Merge {
            key: None,
            value: Json::parse(r#"{"a": {"c": 1}, "n": 2}"#).unwrap(),
        },
        5 => Operation::Increment { key, value },
        _ => Operation::Remove { key, value },
    }
}

impl World {
    fn new(settings: Settings) -> World {
        let now = Instant::now();
        let buffer = Arc::new(Buffer::new(settings));
        let mut world = World {
            engine: Engine::new(buffer.clone(), now),
            server: FaultyServer::default(),
            now,
            calling: None,
            reading: None,
            runs: RUNS.iter().map(|id| buffer.run(id)).collect(),
            expected: vec![Json::parse("{}").unwrap(); RUNS.len()],
            flushes: Vec::new(),
            calls: Vec::new(),
            statuses: vec![None; RUNS.len()],
            has_other_writer: false,
            has_little_memory: false,
            buffer,
        };
        for (run, state) in world.runs.clone().iter().enumerate() {
            let text = match run {
                0 => r#"{"metadata":{}}"#.to_owned(),
                _ => format!(r#"{{"metadata":{{}},"parent":"{}"}}"#, RUNS[parent_of(run)]),
            };
            let start = CommandKind::Start {
                text,
                metadata: Some("{}".to_owned()),
            };
            let mut started = world.buffer.call(state, start);
            world.step(Input::Woken);
            world.answer(None);
            assert!(matches!(started.try_recv(), Ok(Ok(_))));
        }
        world
    }

    fn step(&mut self, input: Input) {
        for action in self.engine.step(self.now, input) {
            match action {
                Action::Flush { flush, .. } => self.call(Calling::Flush(flush)),
                Action::Diagnose { writer, runs } => self.call(Calling::Diagnose(writer, runs)),
                Action::Load(wanted) => {
                    assert!(self.reading.replace(wanted).is_none(), "two reads at once");
                }
                Action::End => {}
            }
        }
    }

    fn call(&mut self, calling: Calling) {
        assert!(self.calling.replace(calling).is_none(), "two calls at once");
    }

    /// Lets the server answer the call that is under way, if there is one.
    fn answer(&mut self, fault: Option<Fault>) {
        match self.calling.take() {
            Some(Calling::Flush(flush)) => {
                if let Some(fault) = fault {
                    self.server.fail_next(fault);
                }
                let answer: Result<Vec<Row>, Error> = self.server.take(&flush);
                let is_locked = answer
                    .as_ref()
                    .is_err_and(|error| error.code() == Some("55P03"));
                if is_locked {
                    self.now += flush.lock_timeout;
                }
                self.step(Input::Flushed(answer));
            }
            Some(Calling::Diagnose(writer, runs)) => {
                let answer: Result<Diagnosis, Error> = self.server.diagnosis(writer, &runs);
                self.step(Input::Diagnosed(answer));
            }
            None => {}
        }
    }

    fn read(&mut self) {
        if let Some(wanted) = self.reading.take() {
            let answer: Result<Vec<Loaded>, Error> = self.server.read(&wanted);
            self.step(Input::Loaded(answer));
        }
    }

    /// Lets time pass up to what the engine waits for, at most this long.
    fn pass(&mut self, most: Duration) {
        let until = self.now + most;
        while let Some(due) = self.engine.due(self.now)
            && due <= until
            && self.calling.is_none()
        {
            self.now = self.now.max(due);
            self.step(Input::Timer);
            if self.reading.is_some() {
                break;
            }
        }
        self.now = self.now.max(until.min(self.now + most));
        self.step(Input::Timer);
    }

    fn record(&mut self, run: usize, target: Target, operation: Operation<Json>) {
        let target = if run == 0 { Target::Own } else { target };
        let addressed = addressed(run, target);
        apply(&mut self.expected[addressed], &[Ok(operation.clone())]);
        let recorder = Recorder {
            run: &self.runs[run].id.clone(),
            target,
        };
        let state = self.runs[addressed].clone();
        match &operation {
            Operation::Increment {
                key,
                value: Json::Number(number),
            } => {
                let by = Decimal::parse(number.as_str()).unwrap();
                self.buffer.increment(&state, recorder, key.as_str(), by);
            }
            _ => self.buffer.record(&state, recorder, operation),
        }
    }

    fn record_group(&mut self, run: usize, choices: &[u8]) {
        let states = Target::ALL.map(|target| self.runs[addressed(run, target)].clone());
        let normal = |target: Target| match addressed(run, target) {
            to if to == run => Target::Own,
            to if to == parent_of(run) => Target::Parent,
            _ => Target::Root,
        };
        let mut operations = Vec::new();
        for choice in choices {
            let target = normal(Target::ALL[usize::from(choice % 3)]);
            let operation = operation(*choice);
            apply(
                &mut self.expected[addressed(run, target)],
                &[Ok(operation.clone())],
            );
            operations.push((target, operation));
        }
        let family = [&states[0], &states[1], &states[2]];
        self.buffer
            .record_group(&states[0].id.clone(), family, operations, true);
    }

    /// Checks what is read here of a run, if its document is here.
    fn look(&mut self, run: usize) {
        let mut pending = self.runs[run].lock();
        let Some(mut document) = pending.document.take() else {
            return;
        };
        let seen = Json::parse(&document.text(pending.waiting())).unwrap();
        pending.document = Some(document);
        let expected = &self.expected[run];
        assert!(
            self.has_other_writer || seen.same_value(expected),
            "{seen} is read, {expected} was recorded"
        );
    }

    fn happen(&mut self, bytes: &mut std::slice::Iter<'_, u8>) {
        let mut next = || bytes.next().copied().unwrap_or_default();
        let what = next();
        let run = usize::from(what % 3);
        match what / 3 {
            0..=24 => {
                let target = Target::ALL[usize::from(next() % 3)];
                self.record(run, target, operation(next()));
                self.step(Input::Woken);
            }
            25..=32 => {
                let choices: Vec<u8> = (0..=next() % 4).map(|_| next()).collect();
                self.record_group(run, &choices);
                self.step(Input::Woken);
            }
            33..=40 => {
                self.answer(None);
                self.read();
            }
            41..=44 => {
                let some = usize::from(next() % 4) + 1;
                let faults = [
                    Fault::CutBefore,
                    Fault::CutAfter,
                    Fault::Late(some),
                    Fault::Failover(some),
                ];
                // What was taken once and is too much now would rightly be lost.
                let most = if self.has_little_memory { 3 } else { 4 };
                self.answer(Some(faults[usize::from(next() % most)]));
            }
            45..=51 => self.pass(Duration::from_millis(u64::from(next()) * 4)),
            52..=56 => {
                let mut runs = vec![self.runs[run].clone()];
                runs.truncate(usize::from(next() % 8));
                self.flushes.push(self.buffer.flush(runs, None));
                self.step(Input::Woken);
            }
            57..=61 => self.look(run),
            62..=64 => {
                let _ = self.buffer.read(&self.runs[run], next() % 2 == 0);
                self.step(Input::Woken);
            }
            65..=67 => self.server.lock(RUNS[run]),
            68..=72 => RUNS.iter().for_each(|run| self.server.unlock(run)),
            73..=74 => self.server.lock_table(next() % 2 == 0),
            75..=78 => {
                let status = format!("step {}", next());
                self.statuses[run] = Some(status.clone());
                let status = CommandKind::Status {
                    status,
                    attempt: None,
                };
                self.calls.push(self.buffer.call(&self.runs[run], status));
                self.step(Input::Woken);
            }
            79 => {
                let operation = serde_json::json!({"type": "set", "key": "other", "value": what});
                self.server.write(RUNS[run], &operation);
                self.has_other_writer = true;
            }
            _ => {
                self.has_little_memory = next() % 2 == 0;
                let most = self.has_little_memory.then_some(2);
                self.server.set_maximum_operations(most);
            }
        }
    }

    /// Lets everything come right, and checks what is left.
    fn end(mut self) {
        RUNS.iter().for_each(|run| self.server.unlock(run));
        self.server.lock_table(false);
        self.server.set_maximum_operations(None);
        // A failover that no batch came after is found by the next one.
        for _ in 0..3 {
            self.record(0, Target::Own, operation(25));
            let flush = self.buffer.flush(self.runs.clone(), None);
            self.flushes.push(flush);
            self.step(Input::Woken);
            for _ in 0..1_000 {
                self.answer(None);
                self.read();
                if self.calling.is_none() && self.reading.is_none() {
                    match self.engine.due(self.now) {
                        Some(due) => {
                            self.now = self.now.max(due);
                            self.step(Input::Timer);
                        }
                        None => break,
                    }
                }
            }
        }
        for flush in &mut self.flushes {
            assert!(
                matches!(flush.try_recv(), Ok(Ok(()))),
                "a flush is not answered"
            );
        }
        for call in &mut self.calls {
            assert!(
                matches!(call.try_recv(), Ok(Ok(_))),
                "a call is not answered"
            );
        }
        for (run, id) in RUNS.iter().enumerate() {
            let stored = self.server.database.document_text(id).unwrap();
            let mut stored = Json::parse(&stored).unwrap();
            if let Json::Object(members) = &mut stored {
                members.remove("other");
            }
            let expected = &self.expected[run];
            assert!(
                stored.same_value(expected),
                "run {id}: {stored} is stored, {expected} was recorded"
            );
            if let Some(status) = &self.statuses[run] {
                assert_eq!(self.server.database.status(id).as_ref(), Some(status));
            }
            self.look(run);
        }
        let meter = &self.buffer.meter;
        assert_eq!(
            meter
                .lost_batches
                .load(std::sync::atomic::Ordering::Relaxed),
            0
        );
        assert_eq!(self.buffer.budget.used(), 0);
    }
}

fn play(bytes: &[u8], settings: Settings) {
    let mut world = World::new(settings);
    let mut bytes = bytes.iter();
    while bytes.len() > 0 {
        world.happen(&mut bytes);
    }
    world.end();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn each_operation_takes_effect_once_and_in_order(bytes in proptest::collection::vec(any::<u8>(), 0..48)) {
        play(&bytes, Settings::default());
    }

    #[test]
    fn tiny_batches_change_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..48), operations in 1usize..4) {
        play(&bytes, Settings { batch_operations: operations, ..Settings::default() });
    }
}
