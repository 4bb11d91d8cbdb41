//! How far the ids of the inbox are settled: up to which each row is there for a new snapshot, or never will be.
//!
//! Whoever inserts a row has locked the table until his transaction ends. So what was the last id when the holders of the
//! lock were listed is settled once none of these holds it any more. A transaction that has queued a list and stays open
//! holds the horizon back.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use pgrx::pg_sys::BuiltinOid;
use pgrx::spi::SpiClient;

use crate::inbox::floor;
use crate::owner::inbox_file;
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static LAST_ID: Statement = const { Statement::new(include_str!("sql/last_id.sql"), NONE) };
    static INSERTERS: Statement = const { Statement::new(include_str!("sql/inserters.sql"), NONE) };
}

const NONE: &[BuiltinOid] = &[];
/// How often locks are looked at: reading all of the server's takes some 0.2 ms. A guess.
const LOOK: Duration = Duration::from_millis(50);

/// How far ids are settled.
#[derive(Default)]
pub struct Horizon {
    settled: i64,
    /// The file of the table of which these ids are.
    file: u32,
    /// The last id that was drawn when these transactions could still insert rows with ids up to it.
    pending: Option<(i64, HashSet<String>)>,
    last: i64,
    looked: Option<Instant>,
}

impl Horizon {
    /// Returns the file of the table of which the ids are.
    pub fn file(&self) -> u32 {
        self.file
    }

    /// Returns the id up to which each row is there for a snapshot that is taken after this call, or never will be. 0 if
    /// none is known.
    ///
    /// # Errors
    ///
    /// Errors of Postgres are raised.
    pub fn advance(&mut self, client: &mut SpiClient<'_>) -> Result<i64, Refusal> {
        let last = LAST_ID.with(|statement| statement.run(client, &[]))?;
        let last: i64 = last.first().get_one()?.unwrap_or(0);
        let file = inbox_file().unwrap_or(0);
        if last < self.last || file != self.file {
            // Somebody has set the sequence back, or emptied the table.
            *self = Horizon::default();
            self.file = file;
            floor::forget_all();
        }
        self.last = last;
        if self.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return Ok(self.settled);
        }
        // After the id was read: whoever draws a later one may be missing here.
        let rows = INSERTERS.with(|statement| statement.run(client, &[]))?;
        let inserters = rows.map(|row| Ok(row.get::<String>(1)?.unwrap_or_default()));
        let inserters: HashSet<String> = inserters.collect::<Result<_, Refusal>>()?;
        if inserters.is_empty() {
            self.settled = last;
            self.pending = None;
        } else {
            if let Some((id, earlier)) = &self.pending
                && earlier.is_disjoint(&inserters)
            {
                self.settled = *id;
                self.pending = None;
            }
            self.pending.get_or_insert((last, inserters));
        }
        self.looked = Some(Instant::now());
        Ok(self.settled)
    }
}
