//! Whatever happens, and in whatever order: each operation takes effect once, in the order in which it was recorded, and each
//! chunk is appended once, in the order of its writer.
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
use crate::buffer::chunks::{Close, StreamReport};
use crate::buffer::decimal::Decimal;
use crate::buffer::state::{CommandKind, Completed, RunState};
use crate::buffer::waiter::Awaited;
use crate::buffer::{Buffer, Recorder};
use crate::settings::Settings;
use crate::testing::faults::{Fault, FaultyServer};
use crate::wire::{Diagnosis, Flush, Loaded, Row, Wanted};

/// A run, its child, and the child's child.
pub(super) const RUNS: [&str; 3] = ["a", "b", "c"];

/// Cases that `make test` runs. `RUNMETA_CASES=1000000 cargo test --release -p runmeta-client engine::tests::laws` runs a
/// million, in 50 s on two cores.
pub(super) fn cases() -> u32 {
    let cases = std::env::var("RUNMETA_CASES").ok();
    cases.and_then(|cases| cases.parse().ok()).unwrap_or(4_000)
}

/// What a call is given and answers later.
pub(super) enum Calling {
    Flush(Flush),
    Diagnose(uuid::Uuid, Vec<Arc<str>>),
}

pub(super) struct World {
    pub(super) buffer: Arc<Buffer>,
    engine: Engine,
    pub(super) server: FaultyServer,
    now: Instant,
    pub(super) calling: Option<Calling>,
    reading: Option<Vec<Wanted>>,
    pub(super) runs: Vec<Arc<RunState>>,
    /// What the documents are to be.
    expected: Vec<Json>,
    pub(super) flushes: Vec<Awaited<()>>,
    /// Commands, and whether they are to take effect.
    calls: Vec<(Awaited<Completed>, bool)>,
    states: Vec<Standing>,
    /// Two on each stream of each run.
    writers: Vec<StreamWriter>,
    /// Streams that were closed.
    closed: Vec<(usize, Box<str>)>,
    /// Another writer changed these, so what is read here may lag.
    has_other_writer: bool,
    has_little_memory: bool,
    /// Other attempts were begun, whose metadata is read when the server has answered.
    begins: bool,
    has_ended: bool,
}

/// What the commands make of a run.
#[derive(Clone, Debug)]
struct Standing {
    status: String,
    attempt: i32,
    is_finished: bool,
}

struct StreamWriter {
    run: usize,
    report: Arc<StreamReport>,
    chunks: Vec<String>,
}

const STREAMS: [&str; 2] = ["s", "t"];

impl Default for Standing {
    fn default() -> Standing {
        Standing {
            status: "running".to_owned(),
            attempt: 1,
            is_finished: false,
        }
    }
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
    pub(super) fn new(settings: Settings) -> World {
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
            states: vec![Standing::default(); RUNS.len()],
            writers: (0..RUNS.len() * 4)
                .map(|number| StreamWriter {
                    run: number % RUNS.len(),
                    report: StreamReport::new(STREAMS[number / RUNS.len() % 2]),
                    chunks: Vec::new(),
                })
                .collect(),
            closed: Vec::new(),
            has_other_writer: false,
            has_little_memory: false,
            begins: false,
            has_ended: false,
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

    pub(super) fn step(&mut self, input: Input) {
        if self.has_ended {
            return;
        }
        for action in self.engine.step(self.now, input) {
            match action {
                Action::Flush { flush, .. } => self.call(Calling::Flush(flush)),
                Action::Diagnose { writer, runs } => self.call(Calling::Diagnose(writer, runs)),
                Action::Load(wanted) => {
                    assert!(self.reading.replace(wanted).is_none(), "two reads at once");
                }
                Action::End => {
                    // Nobody waits for an answer any more.
                    self.calling = None;
                    self.has_ended = true;
                }
            }
        }
    }

    fn call(&mut self, calling: Calling) {
        assert!(self.calling.replace(calling).is_none(), "two calls at once");
    }

    /// Lets the server answer the call that is under way, if there is one.
    pub(super) fn answer(&mut self, fault: Option<Fault>) {
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

    pub(super) fn read(&mut self) {
        if let Some(wanted) = self.reading.take() {
            let answer: Result<Vec<Loaded>, Error> = self.server.read(&wanted);
            self.step(Input::Loaded(answer));
        }
    }

    /// Lets time pass up to what the engine waits for, at most this long.
    pub(super) fn pass(&mut self, most: Duration) {
        let until = self.now + most;
        let mut idle = 0;
        while let Some(due) = self.engine.due(self.now)
            && due <= until
            && self.calling.is_none()
        {
            idle = if due > self.now { 0 } else { idle + 1 };
            assert!(idle < 5, "it is due again and again, and nothing happens");
            self.now = self.now.max(due);
            self.step(Input::Timer);
            if self.reading.is_some() || self.has_ended {
                break;
            }
        }
        self.now = self.now.max(until);
        self.step(Input::Timer);
    }

    fn record(&mut self, run: usize, target: Target, operation: Operation<Json>) {
        let target = if run == 0 { Target::Own } else { target };
        let addressed = addressed(run, target);
        apply(&mut self.expected[addressed], &[Ok(operation.clone())]);
        self.record_plainly(run, target, operation);
    }

    pub(super) fn record_plainly(
        &mut self,
        run: usize,
        target: Target,
        operation: Operation<Json>,
    ) {
        let recorder = Recorder {
            run: &self.runs[run].id.clone(),
            target,
        };
        let state = self.runs[addressed(run, target)].clone();
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
        let mut operations = Vec::new();
        for choice in choices {
            let target = World::normal(run, Target::ALL[usize::from(choice % 3)]);
            let operation = operation(*choice);
            apply(
                &mut self.expected[addressed(run, target)],
                &[Ok(operation.clone())],
            );
            operations.push((target, operation));
        }
        self.record_group_plainly(run, operations);
    }

    pub(super) fn record_group_plainly(
        &mut self,
        run: usize,
        operations: Vec<(Target, Operation<Json>)>,
    ) {
        let states = Target::ALL.map(|target| self.runs[addressed(run, target)].clone());
        let family = [&states[0], &states[1], &states[2]];
        self.buffer
            .record_group(&states[0].id.clone(), family, operations, true);
    }

    pub(super) fn addressed(run: usize, target: Target) -> usize {
        addressed(run, target)
    }

    /// Returns the nearest target that is the same run.
    pub(super) fn normal(run: usize, target: Target) -> Target {
        match addressed(run, target) {
            to if to == run => Target::Own,
            to if to == parent_of(run) => Target::Parent,
            _ => Target::Root,
        }
    }

    pub(super) fn unlock_all(&self) {
        RUNS.iter().for_each(|run| self.server.unlock(run));
    }

    fn command(&mut self, run: usize, kind: CommandKind, has_effect: bool) {
        let call = self.buffer.call(&self.runs[run], kind);
        self.calls.push((call, has_effect));
        self.step(Input::Woken);
    }

    fn set_status(&mut self, run: usize, choice: u8) {
        let standing = &mut self.states[run];
        let status = format!("step {choice}");
        let has_effect = !standing.is_finished;
        if has_effect {
            standing.status.clone_from(&status);
        }
        let attempt = None;
        self.command(run, CommandKind::Status { status, attempt }, has_effect);
    }

    /// Finishes a run, now and then for an attempt that is over.
    fn finish(&mut self, run: usize, choice: u8) {
        let standing = &mut self.states[run];
        let status = ["completed", "failed"][usize::from(choice % 2)].to_owned();
        let attempt = (choice > 100).then_some(standing.attempt - i32::from(choice > 200));
        let is_stale = attempt.is_some_and(|attempt| attempt < standing.attempt);
        let is_other = standing.is_finished && standing.status != status;
        let has_effect = !is_stale && !is_other && attempt != Some(0);
        if has_effect {
            standing.is_finished = true;
            standing.status.clone_from(&status);
        }
        self.command(run, CommandKind::Finish { status, attempt }, has_effect);
    }

    /// Begins another attempt, or finds that it has begun.
    fn start_again(&mut self, run: usize, choice: u8) {
        let standing = &mut self.states[run];
        let attempt = standing.attempt + i32::from(choice % 4) - 1;
        let has_effect = attempt >= standing.attempt;
        let metadata = format!(r#"{{"begun":{attempt}}}"#);
        if attempt > standing.attempt {
            *standing = Standing {
                attempt,
                ..Standing::default()
            };
            let begun = Operation::Merge {
                key: None,
                value: Json::parse(&metadata).unwrap(),
            };
            apply(&mut self.expected[run], &[Ok(begun)]);
            // What is read here lags until the answer comes.
            self.begins = true;
        }
        let start = CommandKind::Start {
            text: format!(r#"{{"metadata":{metadata},"attempt":{attempt}}}"#),
            metadata: Some(metadata),
        };
        self.command(run, start, has_effect);
    }

    /// Appends a chunk, unless an earlier one was refused, as it may be behind the end that another writer gave to the stream.
    fn push_chunk(&mut self, choice: u8) {
        let number = usize::from(choice) % self.writers.len();
        let writer = &mut self.writers[number];
        // Now and then one that does not fit into the block before it.
        let length = if choice.is_multiple_of(5) { 8_100 } else { 100 };
        let chunk = format!("[{number},{},\"{:length$}\"]", writer.chunks.len(), "");
        let state = &self.runs[writer.run];
        if let Ok(has_room) = self.buffer.push_chunk(state, &writer.report, &chunk) {
            assert!(has_room);
            writer.chunks.push(chunk);
        }
    }

    fn close_stream(&mut self, writer: u8) {
        let writer = &self.writers[usize::from(writer) % self.writers.len()];
        let error = (!writer.chunks.is_empty()).then(|| "broken".into());
        let state = &self.runs[writer.run];
        self.buffer
            .close_stream(
                state,
                &writer.report,
                Close {
                    error,
                    attempt: None,
                },
            )
            .unwrap();
        self.closed.push((writer.run, writer.report.stream.clone()));
    }

    /// Checks that what each writer appended is there once, and in its order; of one that was refused, what is there.
    fn check_streams(&self) {
        for (number, writer) in self.writers.iter().enumerate() {
            let stream = &writer.report.stream;
            let stored = self.server.database.chunks(RUNS[writer.run], stream);
            let begin = format!("[{number},");
            let of_writer: Vec<Arc<str>> = stored
                .into_iter()
                .flatten()
                .filter(|chunk| chunk.starts_with(&begin))
                .collect();
            let is_closed = self.closed.contains(&(writer.run, stream.clone()));
            let of_writer = of_writer.iter().map(|chunk| &**chunk);
            let mut expected = writer.chunks.iter().map(String::as_str);
            match writer.report.error() {
                None => assert!(of_writer.eq(expected), "writer {number}"),
                Some(error) => {
                    assert!(is_closed && error.is_closed(), "{error}");
                    let mut of_writer = of_writer;
                    assert!(of_writer.all(|chunk| expected.any(|next| next == chunk)));
                }
            }
        }
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
            self.has_other_writer || self.begins || seen.same_value(expected),
            "{seen} is read, {expected} was recorded"
        );
    }

    fn happen(&mut self, bytes: &mut std::slice::Iter<'_, u8>) {
        let mut next = || bytes.next().copied().unwrap_or_default();
        let what = next();
        let run = usize::from(what % 3);
        match what / 3 {
            0..=4 => {
                (0..=next() % 4).for_each(|_| self.push_chunk(next()));
                self.step(Input::Woken);
            }
            5 => {
                self.close_stream(next());
                self.step(Input::Woken);
            }
            6..=24 => {
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
                drop(self.buffer.read(&self.runs[run], next() % 2 == 0));
                self.step(Input::Woken);
            }
            65..=67 => self.server.lock(RUNS[run]),
            68..=72 => RUNS.iter().for_each(|run| self.server.unlock(run)),
            73..=74 => self.server.lock_table(next() % 2 == 0),
            75 => self.set_status(run, next()),
            76..=77 => self.finish(run, next()),
            78 => self.start_again(run, next()),
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
        self.unlock_all();
        self.server.lock_table(false);
        self.server.set_maximum_operations(None);
        // A failover that no batch came after is found by the next one.
        for _ in 0..3 {
            self.record(0, Target::Own, operation(25));
            let flush = self.buffer.flush(self.runs.clone(), None);
            self.flushes.push(flush);
            self.step(Input::Woken);
            in_time(&mut self);
        }
        for flush in &mut self.flushes {
            assert!(
                matches!(flush.try_recv(), Ok(Ok(()))),
                "a flush is not answered"
            );
        }
        for (call, has_effect) in &mut self.calls {
            let answer = call.try_recv().expect("a command is not answered");
            assert_eq!(answer.is_ok(), *has_effect, "{answer:?}");
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
            let (stored, standing) = (self.server.database.run(id).unwrap(), &self.states[run]);
            assert_eq!(
                (stored.status.as_str(), stored.attempt, stored.is_finished),
                (
                    standing.status.as_str(),
                    standing.attempt,
                    standing.is_finished
                )
            );
            self.look(run);
        }
        self.check_streams();
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

/// Lets the server answer until nothing waits for anything.
pub(super) fn in_time(world: &mut World) {
    for _ in 0..1_000 {
        world.answer(None);
        world.read();
        if world.calling.is_none() && world.reading.is_none() {
            match world.engine.due(world.now) {
                Some(due) => {
                    world.now = world.now.max(due);
                    world.step(Input::Timer);
                }
                None => return,
            }
        }
    }
    panic!("it goes on for ever");
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
        play(&bytes, Settings { batch_operations: operations, look_ahead: 1, ..Settings::default() });
    }
}
