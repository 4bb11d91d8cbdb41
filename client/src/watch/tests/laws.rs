//! Laws of the hub, under everything that may happen to a connection and to the runs.
//!
//! A server of a few runs changes at random, and what it announces may be late or lost with the connection. At the end
//! everything is delivered. Then each watcher must have the last state of each run, and never have seen an older one after
//! a newer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use tokio::time::Instant;

use super::fields;
use crate::Error;
use crate::buffer::waiter::Waiter;
use crate::settings::Settings;
use crate::watch::Snapshot;
use crate::watch::hub::{Action, Connected, Hub, Input, NewWatch};
use crate::watch::notice::{Notice, RunNotice};
use crate::watch::slot::{Slot, Taken};
use crate::watch::snapshot::Fields;
use crate::watch::target::{Target, Topic};
use crate::wire::watch::{List, Listed, View};

const RUNS: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    /// Starts a run, or begins another attempt at it.
    Start(usize),
    Write(usize),
    Finish(usize),
    Delete(usize),
    /// The server announces what changed, or that everything may have.
    Announce,
    Resync,
    /// The hub gets what was announced.
    Hear,
    /// The server executes a statement, which may be answered later.
    Execute,
    /// A standby that lags so many changes executes it, where a pooler may choose one.
    ExecuteBehind(usize),
    Answer,
    /// A statement fails, and the connection stays.
    Fail,
    Lose,
    /// A standby takes over that lacks the last changes.
    FailOver(usize),
    Watch(usize),
    Leave(usize),
    Take(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let run = 0..RUNS;
    prop_oneof![
        3 => run.clone().prop_map(Step::Start),
        6 => run.clone().prop_map(Step::Write),
        2 => run.clone().prop_map(Step::Finish),
        1 => run.prop_map(Step::Delete),
        6 => Just(Step::Announce),
        1 => Just(Step::Resync),
        6 => Just(Step::Hear),
        6 => Just(Step::Execute),
        2 => (1..4usize).prop_map(Step::ExecuteBehind),
        6 => Just(Step::Answer),
        1 => Just(Step::Fail),
        1 => Just(Step::Lose),
        1 => (1..4usize).prop_map(Step::FailOver),
        3 => (0..WATCHES).prop_map(Step::Watch),
        1 => (0..9usize).prop_map(Step::Leave),
        6 => (0..9usize).prop_map(Step::Take),
        2 => (0..20_000u64).prop_map(Step::Wait),
    ]
}

/// Forms of watches: each run, both trees, a tag, a task, and all, and sets without finished runs.
const WATCHES: usize = RUNS + 7;

fn topic(form: usize) -> Topic {
    let target = match form {
        run if run < RUNS => Target::Run(run.to_string().into()),
        4 => Target::Tree("0".into()),
        5 => Target::Tree("1".into()),
        6 => Target::Tag("even".into()),
        7 => Target::Task("odd".into()),
        _ => Target::All,
    };
    let unfinished = form > 8;
    let target = match form {
        10 => Target::Tree("0".into()),
        _ => target,
    };
    Topic { target, unfinished }
}

#[derive(Clone, Debug, Default)]
struct Server {
    runs: BTreeMap<String, Fields>,
    changed: BTreeMap<String, Option<i64>>,
    /// Counts the changes: later starts are newer.
    clock: u64,
}

impl Server {
    fn start(&mut self, run: usize) {
        self.clock += 1;
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(self.clock);
        let id = run.to_string();
        match self.runs.get_mut(&id) {
            Some(fields) => {
                fields.attempt += 1;
                fields.finished_at = None;
                fields.version += 1;
            }
            None => {
                let new = Fields {
                    created_at: now,
                    root_id: (run % 2).to_string().into(),
                    tags: vec![["even", "odd"][run % 2].to_owned()],
                    task: Some(["even", "odd"][run % 2].to_owned()),
                    ..fields(&id, 1, "0")
                };
                self.runs.insert(id.clone(), new);
            }
        }
        self.note(&id);
    }

    fn change(&mut self, run: usize, change: impl FnOnce(&mut Fields, SystemTime)) {
        self.clock += 1;
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(self.clock);
        let id = run.to_string();
        if let Some(fields) = self.runs.get_mut(&id) {
            change(fields, now);
            fields.version += 1;
            self.note(&id);
        }
    }

    fn note(&mut self, id: &str) {
        let version = self.runs.get(id).map(|fields| fields.version);
        self.changed.insert(id.to_owned(), version);
    }

    fn announce(&mut self) -> Notice {
        let runs = std::mem::take(&mut self.changed).into_iter();
        let runs = runs.map(|(id, version)| RunNotice {
            root: (id.parse::<usize>().unwrap() % 2).to_string(),
            id,
            version,
        });
        Notice {
            runs: runs.collect(),
            ..Notice::default()
        }
    }

    fn list(&self, list: &List) -> Vec<Listed> {
        let runs = self.runs.values().filter(|fields| match list {
            List::Runs(ids) => ids.contains(&fields.id),
            List::Set(set) => {
                let is_over = set.unfinished.is_some_and(|since| {
                    let finished = fields.finished_at;
                    finished.is_some_and(|at| since.is_none_or(|since| at < since))
                });
                !is_over && set.target.has(&Snapshot::new((*fields).clone()))
            }
        });
        let listed = runs.map(|fields| Listed {
            id: fields.id.clone(),
            created_at: fields.created_at,
            version: fields.version,
        });
        listed.collect()
    }

    fn view(&self, view: &View) -> Vec<Snapshot> {
        let runs = view.runs.iter().filter_map(|(id, is_certain)| {
            let fields = self.runs.get(&**id)?;
            let has = |list: &[Arc<str>], word: &str| list.iter().any(|one| **one == *word);
            let is_wanted = *is_certain
                || has(&view.tags, &fields.tags[0])
                || has(&view.tasks, fields.task.as_deref().unwrap());
            is_wanted.then(|| Snapshot::new(fields.clone()))
        });
        runs.collect()
    }
}

struct Watcher {
    id: u64,
    topic: Topic,
    slot: Arc<Slot>,
    /// What it saw last of each run, until that was gone.
    seen: BTreeMap<String, Snapshot>,
    has_ended: bool,
}

struct World {
    hub: Hub,
    now: Instant,
    server: Server,
    /// The states before each change, for a standby.
    history: Vec<Server>,
    timeline: i64,
    can_go_back: bool,
    /// Announced and not heard yet; `None` while nobody listens.
    wire: Option<VecDeque<Notice>>,
    listens: bool,
    asked: Option<Action>,
    executed: Option<Input>,
    watchers: Vec<Watcher>,
    count: u64,
}

impl World {
    fn new(listens: bool) -> World {
        World {
            hub: Hub::new(&Settings::default()),
            now: Instant::now(),
            server: Server::default(),
            history: Vec::new(),
            timeline: 1,
            can_go_back: false,
            wire: None,
            listens,
            asked: None,
            executed: None,
            watchers: Vec::new(),
            count: 0,
        }
    }

    fn input(&mut self, input: Input) {
        if let Some(action) = self.hub.step(self.now, input) {
            match action {
                Action::Disconnect => self.wire = None,
                action => {
                    assert!(self.asked.is_none() && self.executed.is_none());
                    self.asked = Some(action);
                }
            }
        }
    }

    fn execute(&mut self, behind: usize) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        let before = self.history.iter().rev();
        let server = match behind {
            behind if behind > 0 && !self.listens => before.take(behind).next_back(),
            _ => None,
        };
        let server = server.unwrap_or(&self.server);
        self.executed = Some(match asked {
            Action::Connect => {
                if self.listens {
                    self.wire = Some(VecDeque::new());
                }
                Input::Connected(Ok(Connected {
                    timeline: self.timeline,
                    time: SystemTime::UNIX_EPOCH + Duration::from_secs(server.clock),
                    listens: self.listens,
                }))
            }
            Action::List(list) => Input::Listed(Ok(server.list(&list))),
            Action::View(view) => Input::Viewed(Ok(server.view(&view))),
            // Nobody reads streams here.
            Action::ReadStreams(_) | Action::ListStreams(_) | Action::Disconnect => return,
        });
    }

    fn answer(&mut self) {
        if let Some(input) = self.executed.take() {
            self.input(input);
        }
    }

    /// Lets what is asked fail.
    fn fail(&mut self) {
        let error = Error::lost();
        let input = match (self.asked.take(), self.executed.take()) {
            (Some(Action::Connect), _) | (_, Some(Input::Connected(_))) => {
                self.wire = None;
                Input::Connected(Err(error))
            }
            (Some(Action::List(_)), _) | (_, Some(Input::Listed(_))) => Input::Listed(Err(error)),
            (Some(Action::View(_)), _) | (_, Some(Input::Viewed(_))) => Input::Viewed(Err(error)),
            _ => return,
        };
        self.input(input);
    }

    fn lose(&mut self) {
        let connects = matches!(self.executed, Some(Input::Connected(_)));
        if self.wire.take().is_some() && !connects {
            self.input(Input::Lost);
        }
        self.fail();
    }

    fn watch(&mut self, form: usize) {
        self.count += 1;
        let (waiter, _) = Waiter::new();
        let slot = Arc::<Slot>::default();
        let watcher = Watcher {
            id: self.count,
            topic: topic(form),
            slot: slot.clone(),
            seen: BTreeMap::new(),
            has_ended: false,
        };
        let watch = NewWatch {
            id: self.count,
            topic: topic(form),
            select: None,
            slot,
            waiter,
        };
        self.watchers.push(watcher);
        self.input(Input::Watch(watch));
    }

    fn take(&mut self, watcher: usize) -> bool {
        let can_go_back = self.can_go_back;
        let Some(watcher) = self.watchers.get_mut(watcher) else {
            return false;
        };
        match watcher.slot.take(None) {
            Taken::Snapshot(snapshot) => {
                watcher.take(snapshot, can_go_back);
                true
            }
            Taken::Unread => {
                let id = watcher.id;
                self.input(Input::Unread(id));
                true
            }
            Taken::Nothing | Taken::End => false,
        }
    }

    fn run(&mut self, step: Step) {
        self.now += Duration::from_millis(1);
        if matches!(step, Step::Start(_) | Step::Write(_) | Step::Finish(_)) {
            self.history.push(self.server.clone());
        }
        match step {
            Step::Start(run) => self.server.start(run),
            Step::Write(run) => self.server.change(run, |fields, _| {
                let n: i64 = fields.metadata.parse().unwrap();
                fields.metadata = (n + 1).to_string().into();
            }),
            Step::Finish(run) => self.server.change(run, |fields, now| {
                fields.finished_at.get_or_insert(now);
            }),
            Step::Delete(run) => {
                self.server.runs.remove(&run.to_string());
                self.server.note(&run.to_string());
            }
            Step::Announce => {
                let notice = self.server.announce();
                self.wire
                    .iter_mut()
                    .for_each(|wire| wire.push_back(notice.clone()));
            }
            Step::Resync => {
                self.server.changed.clear();
                let wire = self.wire.iter_mut();
                wire.for_each(|wire| wire.push_back(Notice::resync()));
            }
            Step::Hear => {
                // What was announced since LISTEN is heard after its answer.
                let connects = matches!(self.executed, Some(Input::Connected(_)));
                let notice = self.wire.as_mut().filter(|_| !connects);
                if let Some(notice) = notice.and_then(VecDeque::pop_front) {
                    self.input(Input::Notice(notice));
                }
            }
            Step::Execute => self.execute(0),
            Step::ExecuteBehind(changes) => self.execute(changes),
            Step::Answer => self.answer(),
            Step::Fail => self.fail(),
            Step::Lose => self.lose(),
            Step::FailOver(changes) => {
                let kept = self.history.len().saturating_sub(changes);
                let standby = self.history.drain(kept..).next();
                if let Some(mut standby) = standby {
                    standby.clock = self.server.clock;
                    self.server = standby;
                    self.timeline += 1;
                    self.can_go_back = true;
                    self.lose();
                }
            }
            Step::Watch(form) => self.watch(form),
            Step::Leave(watcher) => {
                if watcher < self.watchers.len() {
                    let watcher = self.watchers.remove(watcher);
                    self.input(Input::Dropped(watcher.id));
                }
            }
            Step::Take(watcher) => drop(self.take(watcher)),
            Step::Wait(milliseconds) => {
                self.now += Duration::from_millis(milliseconds);
                self.server.clock += milliseconds / 1000 + 1;
                self.input(Input::Timer);
            }
        }
    }

    /// Delivers everything, and lets all watchers take what there is.
    fn settle(&mut self) {
        self.run(Step::Announce);
        for _ in 0..200 {
            self.run(Step::Hear);
            self.run(Step::Execute);
            self.run(Step::Answer);
            self.run(Step::Wait(if self.listens { 20_000 } else { 1_000 }));
            for watcher in 0..self.watchers.len() {
                while self.take(watcher) {}
            }
        }
    }

    fn check(&self) {
        for watcher in &self.watchers {
            for (id, fields) in &self.server.runs {
                let snapshot = Snapshot::new(fields.clone());
                if !watcher.topic.target.has(&snapshot) {
                    continue;
                }
                let seen = watcher.seen.get(id);
                // One that finished before the watch began is left out.
                if watcher.topic.unfinished && snapshot.is_finished() && seen.is_none() {
                    continue;
                }
                let seen = seen.map(|seen| (seen.content(), seen.created_at()));
                let expected = Some((snapshot.content(), fields.created_at));
                assert_eq!(seen, expected, "{:?} of {id}: {fields:?}", watcher.topic);
            }
            let gone = watcher
                .seen
                .keys()
                .find(|id| !self.server.runs.contains_key(*id));
            assert_eq!(gone, None, "{:?} was not told", watcher.topic);
        }
    }
}

impl Watcher {
    fn take(&mut self, snapshot: Snapshot, can_go_back: bool) {
        assert!(!self.has_ended);
        let id = snapshot.id().to_owned();
        assert!(snapshot.is_gone() || self.topic.target.has(&snapshot));
        if let Some(before) = self.seen.get(&id)
            && !can_go_back
        {
            let key = |one: &Snapshot| (one.created_at(), one.version());
            let is_newer = key(&snapshot) > key(before);
            assert!(
                is_newer || snapshot.is_gone(),
                "{snapshot:?} after {before:?}"
            );
        }
        match snapshot.is_gone() {
            true => drop(self.seen.remove(&id)),
            false => drop(self.seen.insert(id, snapshot)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn everybody_ends_with_the_last_state_and_sees_no_older_one_after_a_newer(
        listens in any::<bool>(),
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut world = World::new(listens);
        steps.into_iter().for_each(|step| world.run(step));
        world.settle();
        world.check();
    }
}
