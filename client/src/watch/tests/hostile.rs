//! What any role can announce, and what the server cannot view, harm nobody else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::snapshot;
use crate::Error;
use crate::buffer::waiter::Waiter;
use crate::settings::Settings;
use crate::watch::hub::{Action, Connected, Hub, Input, NewWatch};
use crate::watch::notice::{Notice, RunNotice};
use crate::watch::slot::{Slot, Taken};
use crate::watch::target::{Select, Target, Topic};
use crate::wire::watch::Listed;

/// A hub that listens to a server of some runs, one of which it cannot view.
struct World {
    hub: Hub,
    now: Instant,
    action: Option<Action>,
    runs: BTreeSet<String>,
    broken: Option<&'static str>,
    listings: usize,
    views: usize,
    watches: u64,
}

impl World {
    fn new(runs: impl IntoIterator<Item = String>) -> World {
        World {
            hub: Hub::new(&Settings::default()),
            now: Instant::now(),
            action: None,
            runs: runs.into_iter().collect(),
            broken: None,
            listings: 0,
            views: 0,
            watches: 0,
        }
    }

    fn watch(&mut self, target: Target, select: Select) -> Arc<Slot> {
        let (slot, (waiter, _)) = (Arc::<Slot>::default(), Waiter::new());
        self.watches += 1;
        self.step(Input::Watch(NewWatch {
            id: self.watches,
            topic: Topic {
                target,
                unfinished: false,
            },
            select,
            slot: slot.clone(),
            waiter,
        }));
        slot
    }

    fn step(&mut self, input: Input) {
        if let Some(action) = self.hub.step(self.now, input) {
            assert!(self.action.is_none(), "two statements at once");
            self.action = Some(action);
        }
    }

    /// Announces runs as changed.
    fn announce(&mut self, runs: impl IntoIterator<Item = String>) {
        let runs = runs.into_iter().map(|id| RunNotice {
            root: id.clone(),
            id,
            version: None,
        });
        self.step(Input::Notice(Notice {
            runs: runs.collect(),
            ..Notice::default()
        }));
    }

    /// Answers until the hub asks for nothing more, without a pause.
    fn answer_all(&mut self) {
        for _ in 0..1_000 {
            let Some(action) = self.action.take() else {
                return;
            };
            let input = self.answer(action);
            self.step(input);
        }
        panic!("the hub asks for ever");
    }

    fn answer(&mut self, action: Action) -> Input {
        match action {
            Action::Connect => Input::Connected(Ok(Connected {
                timeline: 1,
                time: SystemTime::UNIX_EPOCH,
                listens: true,
            })),
            Action::List(_) => {
                self.listings += 1;
                let listed = self.runs.iter().map(|id| {
                    let known = snapshot(id, 1, "{}");
                    Listed {
                        id: id.as_str().into(),
                        created_at: known.created_at(),
                        version: known.version(),
                    }
                });
                Input::Listed(Ok(listed.collect()))
            }
            Action::View(view) => {
                self.views += 1;
                let is_broken = |id: &str| self.broken == Some(id);
                if view.runs.iter().any(|(id, _)| is_broken(id)) {
                    return Input::Viewed(Err(Error::answered("P0001", "a policy raised this")));
                }
                let found = view.runs.iter().filter(|(id, _)| self.runs.contains(&**id));
                Input::Viewed(Ok(found.map(|(id, _)| snapshot(id, 1, "{}")).collect()))
            }
            other => panic!("{other:?}"),
        }
    }

    /// Lets so much time pass.
    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.step(Input::Timer);
        self.answer_all();
    }
}

/// Returns the ids of what waits in a slot.
fn ids(slot: &Slot) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    while let Taken::Snapshot(snapshot) = slot.take(None) {
        ids.insert(snapshot.id().to_owned());
    }
    ids
}

fn numbers(count: usize) -> BTreeSet<String> {
    (0..count).map(|number| number.to_string()).collect()
}

#[test]
fn a_run_that_the_server_cannot_view_delays_no_other_run() {
    let mut world = World::new(numbers(100));
    world.broken = Some("37");
    let all = world.watch(Target::All, None);
    let one = world.watch(Target::Run("5".into()), Some(["n".into()].into()));
    world.answer_all();
    let mut expected = numbers(100);
    expected.remove("37");
    assert_eq!(ids(&all), expected);
    assert_eq!(ids(&one), BTreeSet::from(["5".to_owned()]));
    // It is alone after seven halves.
    assert!(world.views < 20, "{} views", world.views);
}

#[test]
fn a_run_that_the_server_could_not_view_is_viewed_when_it_is_announced_or_listed_again() {
    for announces in [true, false] {
        let mut world = World::new(numbers(3));
        let all = world.watch(Target::All, None);
        world.answer_all();
        assert_eq!(ids(&all), numbers(3));
        world.broken = Some("1");
        world.announce(numbers(3));
        world.answer_all();
        world.broken = None;
        let views = world.views;
        match announces {
            true => world.announce(["1".to_owned()]),
            false => world.step(Input::Notice(Notice::resync())),
        }
        world.answer_all();
        assert_eq!(world.views, views + 1);
    }
}

#[test]
fn announced_runs_beyond_a_bound_are_found_by_listing_again() {
    let target = |task: bool| match task {
        true => Target::Task("import".into()),
        false => Target::All,
    };
    for task in [true, false] {
        let mut world = World::new(numbers(3));
        let _slot = world.watch(target(task), None);
        world.answer_all();
        let before = (world.listings, world.views);
        // They come while the server answers nothing.
        world.announce(["0".to_owned()]);
        for round in 0..50 {
            world.announce((0..1_000).map(|number| format!("{round} {number}")));
        }
        world.pass(Duration::from_secs(2));
        assert!(world.listings > before.0, "nothing is listed");
        // A thousand are viewed at once.
        assert!(world.views - before.1 <= 12, "{} views", world.views);
    }
}

#[test]
fn many_requests_to_read_everything_again_cost_one_listing_a_second() {
    let mut world = World::new(numbers(3));
    let _slot = world.watch(Target::All, None);
    world.answer_all();
    let begun = world.listings;
    for _ in 0..100 {
        world.step(Input::Notice(Notice::resync()));
        world.answer_all();
    }
    assert_eq!(world.listings, begun + 1);
    let due = world.hub.due().unwrap();
    assert!(due <= world.now + Duration::from_secs(1));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.listings, begun + 2);
    world.pass(Duration::from_secs(9));
    assert_eq!(world.listings, begun + 2);
}
