//! Taking out what waits for a run that is locked, and applying it.
//!
//! The statement that takes lists out comes after the one that locks the run, with a snapshot of its own: what was
//! committed while the lock was awaited is among them, and what another session folded meanwhile is not.

use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::BuiltinOid::{INT8ARRAYOID, INT8OID, TEXTARRAYOID, TEXTOID};
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiError, SpiTupleTable};

use super::floor::{floor, floor_for_reader};
use super::unapplied::{Skipped, Skips};
use super::waiting;
use crate::document::{Draft, list};
use crate::jsonb::{Jsonb, Node, check_for_interrupts};
use crate::layout;
use crate::owner::AsOwner;
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static ANY: Statement = const { Statement::new(include_str!("sql/any.sql"), &[]) };
    static TAKE: Statement = const { Statement::new(
        include_str!("sql/take.sql"),
        &[TEXTOID, TEXTOID, INT8OID],
    ) };
    static TAKE_PART: Statement = const { Statement::new(
        include_str!("sql/take_part.sql"),
        &[TEXTOID, TEXTOID, INT8OID, INT8OID],
    ) };
    static IDS: Statement = const { Statement::new(
        include_str!("sql/ids.sql"),
        &[TEXTOID, TEXTOID, INT8OID],
    ) };
    static TAKE_ORPHANS: Statement = const { Statement::new(
        include_str!("sql/take_orphans.sql"),
        &[TEXTOID, TEXTOID],
    ) };
    static COUNT: Statement = const { Statement::new(
        include_str!("sql/count.sql"),
        &[TEXTOID, TEXTOID, INT8OID],
    ) };
    static AMONG: Statement = const { Statement::new(
        include_str!("sql/waiting_among.sql"),
        &[TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID],
    ) };
}

/// Runs for which the table is asked one by one. A guess.
const FEW: usize = 4;

/// The reason of lists whose run is gone.
const RUN_NOT_FOUND: &str = "run_not_found";
/// The reason of what stands in the inbox and is no list.
const NOT_A_LIST: &str = "not_a_list";
/// The reason of lists with which the run cannot be stored.
pub const REFUSED: &str = "refused";
/// The reason of those of which a contract is to blame.
pub const NO_FIT: &str = "contract";

/// A list that waited.
struct Waited {
    id: i64,
    run_created_at: TimestampWithTimeZone,
    source: String,
    writer: Option<pgrx::Uuid>,
    operations: Jsonb<'static>,
    weight: usize,
}

/// What waited for a run, in the order in which it is to be applied.
#[derive(Default)]
pub struct Taken {
    root: String,
    id: String,
    lists: Vec<Waited>,
}

impl Taken {
    /// Returns how many lists waited.
    pub fn len(&self) -> usize {
        self.lists.len()
    }

    /// Returns true if nothing waited.
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Applies what waited for the run that was started at this time. Lists for an earlier run of the same id are
    /// unapplied.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn apply<'a>(
        &'a self,
        draft: &mut Draft<'a>,
        created_at: TimestampWithTimeZone,
    ) -> Result<Applied, Refusal> {
        let mut applied = Applied::new(self);
        for waited in &self.lists {
            check_for_interrupts();
            if waited.run_created_at != created_at {
                applied.lose(waited, RUN_NOT_FOUND, None);
                continue;
            }
            applied.count += 1;
            let Ok(operations) = list::read(waited.operations.view()) else {
                applied.lose(waited, NOT_A_LIST, None);
                continue;
            };
            for skipped in draft.fold(&operations) {
                applied.skips.add(Skipped::new(
                    waited.run_created_at,
                    &waited.source,
                    waited.writer,
                    operation(&waited.operations, skipped.index),
                    skipped.reason.code(),
                    Some(skipped.reason.to_string()),
                ));
            }
        }
        Ok(applied)
    }

    /// Takes note that there is no run for what waited.
    pub fn without_run(&self) -> Applied {
        let mut applied = Applied::new(self);
        for waited in &self.lists {
            applied.lose(waited, RUN_NOT_FOUND, None);
        }
        applied
    }

    /// Takes note that the run, started at this time, could not be stored with what waited. The version grows all the
    /// same: readers have seen it grow.
    pub fn refused(
        &self,
        created_at: TimestampWithTimeZone,
        reason: &'static str,
        detail: &str,
    ) -> Applied {
        let mut applied = Applied::new(self);
        for waited in &self.lists {
            if waited.run_created_at == created_at {
                applied.count += 1;
                applied.lose(waited, reason, Some(detail));
            } else {
                applied.lose(waited, RUN_NOT_FOUND, None);
            }
        }
        applied
    }
}

/// What came of the lists that waited for a run.
pub struct Applied {
    root: String,
    id: String,
    /// Lists that were applied: by so many the version grows.
    pub count: i64,
    /// Lists that were taken out.
    pub taken: usize,
    weight: usize,
    skips: Skips,
}

impl Applied {
    fn new(taken: &Taken) -> Self {
        Applied {
            root: taken.root.clone(),
            id: taken.id.clone(),
            count: 0,
            taken: taken.lists.len(),
            weight: taken.lists.iter().map(|list| list.weight).sum(),
            skips: Skips::default(),
        }
    }

    fn lose(&mut self, waited: &Waited, reason: &'static str, detail: Option<&str>) {
        let operations = list::read(waited.operations.view()).unwrap_or_default();
        let skips = &mut self.skips;
        let mut lose = |operation| {
            skips.add(Skipped::new(
                waited.run_created_at,
                &waited.source,
                waited.writer,
                operation,
                reason,
                detail.map(str::to_owned),
            ));
        };
        match operations.len() {
            0 => lose(Some(waited.operations.clone())),
            count => (0..count).for_each(|index| lose(operation(&waited.operations, index))),
        }
    }

    /// Keeps what could not be applied, and has the counters forget what was taken. Called when the document is stored.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn settle(self, client: &mut SpiClient<'_>) -> Result<(), Refusal> {
        if self.taken == 0 {
            return Ok(());
        }
        self.skips.keep(client, &self.root, &self.id)?;
        waiting::folded(&self.id, self.taken, self.weight);
        Ok(())
    }
}

/// Returns an operation of a list.
fn operation(list: &Jsonb<'_>, index: usize) -> Option<Jsonb<'static>> {
    let crate::jsonb::View::Array(elements) = list.view() else {
        return None;
    };
    crate::jsonb::encode(&Node::View(elements.element(index)?), 0).ok()
}

/// Takes out what waits for a run that the caller has locked, whatever the counters are: a restore or a replica may have put
/// rows there that nobody counted.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn take_all(client: &mut SpiClient<'_>, root: &str, id: &str) -> Result<Taken, Refusal> {
    let arguments = [root.into(), id.into(), floor(root, id).into()];
    taken(client, &TAKE, root, id, &arguments)
}

/// Takes out what waits for a run that the caller has locked.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn take_one(client: &mut SpiClient<'_>, root: &str, id: &str) -> Result<Taken, Refusal> {
    match waiting::waits(id) {
        true => take_all(client, root, id),
        false => Ok(Taken::default()),
    }
}

/// Returns the ids of the lists that wait for a run, in their order.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn ids(client: &mut SpiClient<'_>, root: &str, id: &str) -> Result<Vec<i64>, Refusal> {
    let required = || Refusal::Query(SpiError::InvalidPosition);
    let arguments = [root.into(), id.into(), floor(root, id).into()];
    let rows = {
        let _owner = AsOwner::of_inbox()?;
        IDS.with(|statement| statement.run(client, &arguments))?
    };
    rows.map(|row| row.get(1)?.ok_or_else(required)).collect()
}

/// Takes out what waits for a run that the caller has locked, from the first of these ids to the last.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn take_part(
    client: &mut SpiClient<'_>,
    root: &str,
    id: &str,
    part: &[i64],
) -> Result<Taken, Refusal> {
    let (Some(&first), Some(&last)) = (part.first(), part.last()) else {
        return Ok(Taken::default());
    };
    let arguments = [root.into(), id.into(), first.into(), last.into()];
    taken(client, &TAKE_PART, root, id, &arguments)
}

/// Returns for which of these runs, which the caller has locked, something may wait. The table is asked about many of
/// them by one statement.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn may_wait(client: &mut SpiClient<'_>, runs: &[(&str, &str)]) -> Result<Vec<bool>, Refusal> {
    let mut may: Vec<bool> = runs.iter().map(|(_, id)| waiting::waits(id)).collect();
    let asked: Vec<usize> = (0..runs.len()).filter(|position| may[*position]).collect();
    if asked.len() <= FEW {
        return Ok(may);
    }
    let (roots, ids): (Vec<&str>, Vec<&str>) = asked.iter().map(|position| runs[*position]).unzip();
    may.fill(false);
    let _owner = AsOwner::of_inbox()?;
    let floors = roots
        .iter()
        .zip(&ids)
        .map(|(root, id)| floor_for_reader(root, id));
    let floors: Vec<i64> = floors.collect();
    let arguments = [roots.into(), ids.into(), floors.into()];
    let rows = AMONG.with(|statement| statement.run(client, &arguments))?;
    for row in rows {
        let position = row
            .get::<i64>(1)?
            .and_then(|position| usize::try_from(position - 1).ok());
        if let Some(position) = position.and_then(|position| asked.get(position)) {
            may[*position] = true;
        }
    }
    Ok(may)
}

/// Takes out what waits for a run that is gone. Nothing, if the run is there.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn take_orphans(client: &mut SpiClient<'_>, root: &str, id: &str) -> Result<Taken, Refusal> {
    taken(client, &TAKE_ORPHANS, root, id, &[root.into(), id.into()])
}

fn taken(
    client: &mut SpiClient<'_>,
    statement: &'static std::thread::LocalKey<Statement>,
    root: &str,
    id: &str,
    arguments: &[DatumWithOid<'_>],
) -> Result<Taken, Refusal> {
    let mut rows = {
        let _owner = AsOwner::of_inbox()?;
        statement.with(|statement| statement.run(client, arguments))?
    };
    let mut lists = Vec::with_capacity(rows.len());
    while rows.next().is_some() {
        check_for_interrupts();
        lists.push(read(&rows)?);
    }
    lists.sort_unstable_by_key(|list| list.id);
    Ok(Taken {
        root: root.to_owned(),
        id: id.to_owned(),
        lists,
    })
}

/// Reads the row that `rows` stands at: id, run_created_at, source_id, writer, operations.
fn read(rows: &SpiTupleTable<'_>) -> Result<Waited, Refusal> {
    let required = || Refusal::Query(SpiError::InvalidPosition);
    Ok(Waited {
        id: rows.get(1)?.ok_or_else(required)?,
        run_created_at: rows.get(2)?.ok_or_else(required)?,
        source: rows.get(3)?.ok_or_else(required)?,
        writer: rows.get(4)?,
        operations: rows.get(5)?.ok_or_else(required)?,
        weight: usize::try_from(rows.get::<i32>(6)?.unwrap_or(0)).unwrap_or(0),
    })
}

/// Returns how many lists wait for a run.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn count(client: &mut SpiClient<'_>, root: &str, id: &str) -> Result<i64, Refusal> {
    if !waiting::waits(id) {
        return Ok(0);
    }
    let _owner = AsOwner::of_inbox()?;
    let arguments = [root.into(), id.into(), floor_for_reader(root, id).into()];
    let rows = COUNT.with(|statement| statement.run(client, &arguments))?;
    Ok(rows.first().get_one()?.unwrap_or(0))
}

/// Returns true if a list waits for any run.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn any(client: &mut SpiClient<'_>) -> Result<bool, Refusal> {
    if layout::is_distributed() {
        return Ok(false);
    }
    let _owner = AsOwner::of_inbox()?;
    let rows = ANY.with(|statement| statement.run(client, &[]))?;
    Ok(!rows.is_empty())
}
