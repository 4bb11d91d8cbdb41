//! Putting lists into the inbox.

use std::collections::{HashMap, HashSet};

use pgrx::datetime::clock_timestamp;
use pgrx::pg_sys::BuiltinOid::{
    INT4ARRAYOID, INT4OID, JSONBARRAYOID, JSONBOID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZARRAYOID,
    TIMESTAMPTZOID, UUIDOID,
};
use pgrx::prelude::*;
use pgrx::spi::SpiClient;
use runmeta_core::wire::Target;

use super::addressee::Addressee;
use super::admission::{List, admits, admits_own};
use super::waiting;
use crate::announce;
use crate::jsonb::Jsonb;
use crate::owner::AsOwner;
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static INSERT: Statement = const { Statement::new(
        include_str!("sql/insert.sql"),
        &[TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, JSONBOID, INT4OID, TIMESTAMPTZOID],
    ) };
    static INSERT_MANY: Statement = const { Statement::new(
        include_str!("sql/insert_many.sql"),
        &[
            TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, JSONBARRAYOID,
            INT4ARRAYOID, UUIDOID, TIMESTAMPTZOID,
        ],
    ) };
}

/// Queues a list for the run that is addressed from `run_id`, and returns true, if it may wait there. The caller knows
/// that a worker lives and that the current role [may write any run](crate::owner::may_write_any_run).
///
/// # Errors
///
/// [`Refusal::NotStored`]. Errors of Postgres are raised.
pub fn queue(
    client: &mut SpiClient<'_>,
    run_id: &str,
    target: Target,
    list: &List<'_>,
) -> Result<bool, Refusal> {
    let Some(run) = Addressee::find(client, run_id, target)? else {
        return Ok(false);
    };
    let own = run.id == run_id;
    if (own && !admits_own(&run, list)) || !admits(client, &run, list)? {
        return Ok(false);
    }
    // Before the row is there, so that nobody who sees the row believes that nothing waits.
    waiting::add(&run.id, 1, list.weight);
    let arguments = [
        run.root.as_str().into(),
        run.id.as_str().into(),
        run.created_at.into(),
        run_id.into(),
        list.operations.clone().into(),
        list.stored_weight().into(),
        clock_timestamp().into(),
    ];
    let _owner = AsOwner::of_inbox()?;
    INSERT.with(|statement| statement.store(client, &arguments, 1))?;
    announce::queued(&run.root, &run.id, run.size());
    Ok(true)
}

/// A list of a flush.
pub struct Incoming<'a> {
    /// The run that brings it.
    pub run: &'a str,
    /// Whose document it is for.
    pub target: Target,
    /// The list.
    pub list: List<'a>,
}

/// A list of a flush that is to wait for a run, and counts as waiting. It is [inserted](insert) or withdrawn.
pub struct Admitted<'a> {
    run: Addressee,
    incoming: Incoming<'a>,
}

impl Admitted<'_> {
    /// Returns the id of the run that it is for.
    pub fn run(&self) -> &str {
        &self.run.id
    }

    /// Takes it back: it does not wait any more.
    pub fn withdraw(self) {
        waiting::withdraw(&self.run.id, 1, self.incoming.list.weight);
    }
}

/// Which lists of a flush wait, and which not.
pub struct Ways<'a> {
    /// Those that wait, in the order in which they came; `None` for those that the caller has to apply to the run, which it
    /// locks, or for which there is none.
    pub admitted: Vec<Option<Admitted<'a>>>,
    /// Runs of those that do not.
    pub direct: HashSet<String>,
}

/// Decides which lists of a flush may wait. The caller has checked as for [`queue`]. A run's own list may, where lists wait
/// for the run already or its document is large.
///
/// Where a list for a run goes the direct way, those that follow it for the same run do so too, and likewise all for a
/// run of which the flush brings `own` lists that are not among these, wherever they stand: what is applied directly would
/// otherwise come after lists that the writer recorded later.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn admit_many<'a>(
    client: &mut SpiClient<'_>,
    lists: Vec<Incoming<'a>>,
    own: &HashSet<&str>,
) -> Result<Ways<'a>, Refusal> {
    let mut ways = Ways {
        admitted: lists.iter().map(|_| None).collect(),
        direct: HashSet::new(),
    };
    if lists.is_empty() {
        return Ok(ways);
    }
    let runs = lists.iter().map(|list| list.run).collect();
    let roots = lists.iter().map(|list| match list.target {
        Target::Own => None,
        Target::Parent => Some(false),
        Target::Root => Some(true),
    });
    let mut found = Addressee::find_many(client, runs, roots.collect())?;
    found.sort_by_key(|(position, _)| *position);
    let mut found = found.into_iter().peekable();

    for (position, incoming) in lists.into_iter().enumerate() {
        let Some((_, run)) = found.next_if(|(of, _)| *of == position) else {
            continue;
        };
        let own_list = run.id == incoming.run;
        let may_wait = (!own_list
            || waiting::now(&run.id).is_some_and(|(lists, _)| lists > 0)
            || admits_own(&run, &incoming.list))
            && !own.contains(run.id.as_str())
            && !ways.direct.contains(&run.id)
            && admits(client, &run, &incoming.list)?;
        if !may_wait {
            ways.direct.insert(run.id);
            continue;
        }
        // Before the row is there, so that nobody who sees the row believes that nothing waits.
        waiting::add(&run.id, 1, incoming.list.weight);
        ways.admitted[position] = Some(Admitted { run, incoming });
    }
    Ok(ways)
}

/// Puts lists that were admitted into the inbox.
///
/// # Errors
///
/// [`Refusal::NotStored`]. Errors of Postgres are raised.
pub fn insert<'a>(
    client: &mut SpiClient<'_>,
    writer: Option<pgrx::Uuid>,
    lists: impl Iterator<Item = Admitted<'a>>,
) -> Result<(), Refusal> {
    let mut rows = Rows::default();
    let mut queued: HashMap<String, (String, usize)> = HashMap::new();
    for Admitted { run, incoming } in lists {
        if !queued.contains_key(&run.id) {
            queued.insert(run.id.clone(), (run.root.clone(), run.size()));
        }
        rows.add(run, incoming);
    }
    rows.insert(client, writer)?;
    for (id, (root, size)) in queued {
        announce::queued(&root, &id, size);
    }
    Ok(())
}

/// Rows of the inbox, a vector for each column.
#[derive(Default)]
struct Rows<'a> {
    roots: Vec<String>,
    ids: Vec<String>,
    created: Vec<TimestampWithTimeZone>,
    sources: Vec<&'a str>,
    lists: Vec<Jsonb<'a>>,
    weights: Vec<i32>,
}

impl<'a> Rows<'a> {
    fn add(&mut self, run: Addressee, incoming: Incoming<'a>) {
        self.roots.push(run.root);
        self.ids.push(run.id);
        self.created.push(run.created_at);
        self.sources.push(incoming.run);
        self.weights.push(incoming.list.stored_weight());
        self.lists.push(incoming.list.operations);
    }

    fn insert(self, client: &mut SpiClient<'_>, writer: Option<pgrx::Uuid>) -> Result<(), Refusal> {
        let count = self.ids.len();
        if count == 0 {
            return Ok(());
        }
        let arguments = [
            self.roots.into(),
            self.ids.into(),
            self.created.into(),
            self.sources.into(),
            self.lists.into(),
            self.weights.into(),
            writer.into(),
            clock_timestamp().into(),
        ];
        let _owner = AsOwner::of_inbox()?;
        INSERT_MANY.with(|statement| statement.store(client, &arguments, count))
    }
}
