//! Announcing changes to watches, and reading runs for them.

use std::time::{Duration, SystemTime};

use runmeta_core::{Json, Key};
use tokio::sync::mpsc;

use super::State;
use super::run::Run;
use super::stream::Stream;
use crate::stream::StreamInfo;
use crate::watch::Snapshot;
use crate::watch::notice::{Notice, RunNotice, StreamNotice};
use crate::watch::select;
use crate::watch::snapshot::Fields;
use crate::watch::target::{Select, Target};
use crate::wire::streams::{FoundChunks, WantedChunks};
use crate::wire::watch::{Line, List, ListSet, Listed, View};

/// Notices that wait for one client. One that does not take them is cut off, and reads everything again.
const NOTICES: usize = 1_000;

/// The connections that listen. A standby has none.
#[derive(Debug, Default)]
pub(super) struct Listeners(Vec<mpsc::Sender<Notice>>);

impl Clone for Listeners {
    fn clone(&self) -> Listeners {
        Listeners::default()
    }
}

impl Listeners {
    /// Cuts all connections.
    pub(super) fn cut(&mut self) {
        self.0.clear();
    }
}

impl State {
    pub(super) fn announce(&mut self, id: &str) {
        let root = self.runs.get(id).map_or(id, |run| &run.root);
        let run = RunNotice {
            id: id.to_owned(),
            root: root.to_owned(),
            version: None,
        };
        self.notify(&Notice {
            runs: vec![run],
            ..Notice::default()
        });
    }

    pub(super) fn announce_stream(&mut self, id: &str, name: &str, stream: &Stream) {
        let stream = StreamNotice {
            id: id.to_owned(),
            stream: name.to_owned(),
            last: stream.chunks.len() as i64 - 1,
            closed: stream.is_closed(),
        };
        self.notify(&Notice {
            streams: vec![stream],
            ..Notice::default()
        });
    }

    fn notify(&mut self, notice: &Notice) {
        let listeners = &mut self.listeners.0;
        listeners.retain(|listener| listener.try_send(notice.clone()).is_ok());
    }

    pub(super) fn read_streams(&self, wanted: &[WantedChunks]) -> Vec<FoundChunks> {
        let found = wanted.iter().map(|wanted| {
            let run = self.runs.get(&*wanted.run);
            let stream = self.stream(&wanted.run, &wanted.stream);
            FoundChunks {
                run_created_at: run.map(|run| run.created_at),
                run_has_finished: run.is_some_and(|run| run.finished.is_some()),
                ..stream.map_or_else(FoundChunks::default, |stream| stream.found(wanted))
            }
        });
        found.collect()
    }

    pub(super) fn list_streams(&self, run: &str) -> Vec<StreamInfo> {
        let of_run = self.streams.iter().filter(|((of, _), _)| of == run);
        of_run
            .map(|((_, name), stream)| stream.info(name))
            .collect()
    }

    pub(super) fn listen(&mut self) -> Line {
        let (sender, notices) = mpsc::channel(NOTICES);
        self.listeners.0.push(sender);
        Line {
            timeline: 1,
            time: SystemTime::now(),
            notices: Some(notices),
        }
    }

    pub(super) fn list(&self, list: &List) -> Vec<Listed> {
        let is_listed = |id: &str, run: &Run| match list {
            List::Runs(ids) => ids.iter().any(|wanted| **wanted == *id),
            List::Set(set) => is_in(set, &self.snapshot_of(id, run, &None)),
        };
        let runs = self.runs.iter().filter(|(id, run)| is_listed(id, run));
        let listed = runs.map(|(id, run)| Listed {
            id: id.as_str().into(),
            created_at: run.created_at,
            version: run.version,
        });
        match list {
            List::Runs(_) => listed.collect(),
            List::Set(set) => listed.take(set.most).collect(),
        }
    }

    pub(super) fn view(&self, view: &View) -> Vec<Snapshot> {
        let targets: Vec<Target> = view
            .tasks
            .iter()
            .map(|task| Target::Task(task.clone()))
            .chain(view.tags.iter().map(|tag| Target::Tag(tag.clone())))
            .collect();
        let runs = view.runs.iter().filter_map(|(id, is_certain)| {
            let snapshot = self.snapshot_of(id, self.runs.get(&**id)?, &view.select);
            let is_wanted = *is_certain || targets.iter().any(|target| target.has(&snapshot));
            is_wanted.then_some(snapshot)
        });
        runs.collect()
    }

    fn snapshot_of(&self, id: &str, run: &Run, select: &Select) -> Snapshot {
        Snapshot::new(Fields {
            id: id.into(),
            root_id: run.root.as_str().into(),
            parent_id: run.parent.clone(),
            depth: run.depth,
            task: run.task.clone(),
            tags: run.tags.clone(),
            status: run.status.clone(),
            attempt: run.attempt,
            version: run.version,
            created_at: run.created_at,
            started_at: run.started_at,
            updated_at: run.updated_at,
            finished_at: run.finished_at,
            metadata: selected(&run.document, select).into(),
            is_gone: false,
        })
    }

    /// Returns the time, later than that of any start before.
    pub(super) fn time_of_start(&mut self) -> SystemTime {
        let soonest = self.last_start + Duration::from_micros(1);
        self.last_start = SystemTime::now().max(soonest);
        self.last_start
    }
}

fn is_in(set: &ListSet, snapshot: &Snapshot) -> bool {
    let is_behind = set
        .after
        .as_deref()
        .is_none_or(|after| snapshot.id() > after);
    let is_over = set.unfinished.is_some_and(|since| {
        let finished = snapshot.finished_at();
        finished.is_some_and(|finished| since.is_none_or(|since| finished < since))
    });
    is_behind && !is_over && set.target.has(snapshot)
}

/// Returns a document with these keys only, as the server's `view.sql` does.
fn selected(document: &Json, select: &Select) -> String {
    let document = document.to_string();
    let Some(keys) = select else {
        return document;
    };
    let keys: Vec<Key> = keys.iter().filter_map(|key| Key::parse(key).ok()).collect();
    select::selected(&document, &keys)
}
