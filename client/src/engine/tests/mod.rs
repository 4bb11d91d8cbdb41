//! The engine, stepped by hand.

mod aside;
mod attempt;
mod deliver;
mod laws;
mod pace;
mod read;
mod reports;

use std::sync::Arc;
use std::time::Duration;

use runmeta_core::wire::Target;
use runmeta_core::{Json, Key, Operation};
use tokio::time::Instant;

use super::{Action, Engine, Input};
use crate::Error;
use crate::buffer::state::{CommandKind, RunState};
use crate::buffer::waiter::Awaited;
use crate::buffer::{Buffer, Recorder};
use crate::settings::Settings;
use crate::testing::faults::FaultyServer;
use crate::wire::{Flush, Row};

/// An engine and a server, between which each statement is passed by hand.
struct Stepped {
    buffer: Arc<Buffer>,
    engine: Engine,
    server: FaultyServer,
    now: Instant,
}

impl Stepped {
    fn new(settings: Settings) -> Stepped {
        let now = Instant::now();
        let buffer = Arc::new(Buffer::new(settings));
        Stepped {
            engine: Engine::new(buffer.clone(), now),
            server: FaultyServer::default(),
            now,
            buffer,
        }
    }

    /// Returns one with these runs.
    fn with_runs(ids: &[&str]) -> (Stepped, Vec<Arc<RunState>>) {
        let mut stepped = Stepped::new(Settings::default());
        let runs: Vec<_> = ids.iter().map(|id| stepped.buffer.run(id)).collect();
        // A start that nobody waits for would be withdrawn.
        let mut starts = Vec::new();
        for run in &runs {
            let start = CommandKind::Start {
                text: "{}".to_owned(),
                metadata: None,
            };
            starts.push(stepped.buffer.call(run, start));
        }
        let flush = stepped.flush(Input::Woken);
        let answer = stepped.server.take(&flush);
        assert!(stepped.step(Input::Flushed(answer)).is_empty());
        // The callers of the starts were answered. Their deadlines would still wake the engine, amid a pause.
        stepped.now += stepped.buffer.settings.call_timeout;
        assert!(stepped.step(Input::Timer).is_empty());
        (stepped, runs)
    }

    fn step(&mut self, input: Input) -> Vec<Action> {
        self.engine.step(self.now, input)
    }

    /// Takes a step after which one batch is to be sent, and nothing else.
    fn flush(&mut self, input: Input) -> Flush {
        match self.step(input).as_slice() {
            [Action::Flush { flush, .. }] => flush.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Takes a step after which a diagnosis is to be made, and returns the runs that it asks about.
    fn diagnosis(&mut self, input: Input) -> Vec<String> {
        match self.step(input).as_slice() {
            [Action::Diagnose { runs, .. }] => runs.iter().map(|run| run.to_string()).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// Lets the time come that the engine waits for, and returns how long that took.
    fn wait(&mut self) -> Duration {
        let due = self.engine.due(self.now).expect("it waits for nothing");
        let waited = due.saturating_duration_since(self.now);
        self.now = self.now.max(due);
        waited
    }

    /// Returns true if it waits for nothing but the deadlines of callers, who may have been answered.
    fn is_idle(&self) -> bool {
        let call_timeout = self.buffer.settings.call_timeout;
        let due = self.engine.due(self.now);
        due.is_none_or(|due| due >= self.now + call_timeout / 2)
    }

    fn set(&self, run: &Arc<RunState>, key: &str) {
        let recorder = Recorder {
            run: &run.id,
            target: Target::Own,
        };
        let operation = Operation::Set {
            key: Key::parse(key).unwrap(),
            value: Json::from(1),
        };
        self.buffer.record(run, recorder, operation);
    }

    fn ask_flush(&self, run: &Arc<RunState>) -> Awaited<()> {
        self.buffer.flush(vec![run.clone()], None)
    }

    fn answer(&self, flush: &Flush) -> Result<Vec<Row>, Error> {
        self.server.take(flush)
    }
}

fn failed<T>(code: &str) -> Result<T, Error> {
    Err(Error::answered(code, "it failed"))
}
