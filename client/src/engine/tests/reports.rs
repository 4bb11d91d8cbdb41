//! Whatever happens: each operation takes effect, or it is reported, and never both.
//!
//! Here every operation sets a key of its own, so that it is seen in a document or in a report. Documents become too large, batches are
//! rejected, runs are removed, and the client may end in the middle.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::laws::{RUNS, World, cases, in_time};
use super::*;
use crate::buffer::Request;
use crate::buffer::waiter::Waiter;
use crate::testing::faults::Fault;

struct Reported {
    world: World,
    /// The keys that were set on each run.
    recorded: Vec<BTreeSet<String>>,
    removed: BTreeSet<usize>,
    count: usize,
}

impl Reported {
    fn new(settings: Settings) -> Reported {
        Reported {
            world: World::new(settings),
            recorded: vec![BTreeSet::new(); RUNS.len()],
            removed: BTreeSet::new(),
            count: 0,
        }
    }

    fn operation(&mut self, addressed: usize, size: u8) -> Operation<Json> {
        self.count += 1;
        let key = format!("key {}", self.count);
        self.recorded[addressed].insert(key.clone());
        Operation::Set {
            key: Key::parse(&key).unwrap(),
            value: Json::from("x".repeat(usize::from(size % 32))),
        }
    }

    fn happen(&mut self, bytes: &mut std::slice::Iter<'_, u8>) {
        let mut next = || bytes.next().copied().unwrap_or_default();
        let what = next();
        let run = usize::from(what % 3);
        let id = RUNS[run];
        match what / 3 {
            // The reports of a run keep the last twenty.
            0..=28 if self.count < 20 => {
                let target = World::normal(run, Target::ALL[usize::from(next() % 3)]);
                let addressed = World::addressed(run, target);
                let operation = self.operation(addressed, next());
                self.world.record_plainly(run, target, operation);
                self.world.step(Input::Woken);
            }
            29..=34 if self.count < 17 => {
                let operations = (0..3).map(|_| {
                    let target = World::normal(run, Target::ALL[usize::from(next() % 3)]);
                    let size = next();
                    (target, self.operation(World::addressed(run, target), size))
                });
                let operations = operations.collect();
                self.world.record_group_plainly(run, operations);
                self.world.step(Input::Woken);
            }
            0..=42 => self.world.answer(None),
            43..=45 => self.world.answer(Some(Fault::CutBefore)),
            46..=52 => self
                .world
                .pass(Duration::from_millis(u64::from(next()) * 8)),
            53..=57 => {
                let flush = self.world.buffer.flush(self.world.runs.clone(), None);
                self.world.flushes.push(flush);
                self.world.step(Input::Woken);
            }
            58..=61 => self.world.server.lock(id),
            62..=65 => self.world.unlock_all(),
            66..=69 => {
                let size = usize::from(next() % 8) * 32;
                self.world.server.database.set_maximum_size(size);
            }
            70..=72 => self.world.server.deny(id),
            73..=76 => RUNS.iter().for_each(|run| self.world.server.allow(run)),
            77 if run > 0 => {
                self.world.server.database.remove(id);
                self.removed.insert(run);
            }
            _ => self.world.read(),
        }
    }

    /// Ends the client while something is under way.
    fn shut_down(&mut self, answers: u8) {
        let (waiter, mut ended) = Waiter::new();
        self.world
            .buffer
            .closed
            .store(true, std::sync::atomic::Ordering::Relaxed);
        let within = Duration::from_millis(u64::from(answers) * 10);
        self.world.buffer.ask(Request::Shutdown { within, waiter });
        self.world.step(Input::Woken);
        for _ in 0..answers % 16 {
            self.world.answer(None);
            self.world.pass(Duration::from_millis(50));
        }
        // What is under way now is never answered, and the server does not have it.
        self.world.calling = None;
        self.world.pass(Duration::from_secs(3));
        assert!(
            matches!(ended.try_recv(), Ok(Ok(()))),
            "the shutdown does not end"
        );
        assert!(!self.world.flushes.iter_mut().any(|flush| {
            matches!(
                flush.try_recv(),
                Err(tokio::sync::oneshot::error::TryRecvError::Empty)
            )
        }));
    }

    fn check(&mut self) {
        for (run, id) in RUNS.iter().enumerate() {
            let pending = self.world.runs[run].lock();
            let all: Vec<_> = pending.unapplied.since(0).collect();
            assert_eq!(all.len() as u64, pending.unapplied.count());
            let reported: BTreeSet<String> = all
                .iter()
                .filter_map(|one| one.key().map(str::to_owned))
                .collect();
            assert_eq!(reported.len(), all.len(), "reported twice: {all:?}");
            if self.removed.contains(&run) {
                continue;
            }
            let document = self.world.server.document(id);
            let stored: BTreeSet<String> = document.as_object().unwrap().keys().cloned().collect();
            let both: Vec<_> = stored.intersection(&reported).collect();
            assert!(
                both.is_empty(),
                "{id}: {both:?} took effect and is reported"
            );
            let known: BTreeSet<String> = stored.union(&reported).cloned().collect();
            assert_eq!(known, self.recorded[run], "run {id}");
        }
    }
}

fn play(bytes: &[u8], ending: u8) {
    let mut reported = Reported::new(Settings::default());
    let mut bytes = bytes.iter();
    while bytes.len() > 0 {
        reported.happen(&mut bytes);
    }
    match ending {
        0..=127 => reported.shut_down(ending),
        _ => {
            reported.world.unlock_all();
            let flush = reported
                .world
                .buffer
                .flush(reported.world.runs.clone(), None);
            reported.world.flushes.push(flush);
            reported.world.step(Input::Woken);
            in_time(&mut reported.world);
            for flush in &mut reported.world.flushes {
                assert!(
                    matches!(flush.try_recv(), Ok(Ok(()))),
                    "a flush is not answered"
                );
            }
            assert_eq!(reported.world.buffer.budget.used(), 0);
        }
    }
    reported.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn each_operation_takes_effect_or_is_reported(bytes in proptest::collection::vec(any::<u8>(), 0..64), ending: u8) {
        play(&bytes, ending);
    }
}
