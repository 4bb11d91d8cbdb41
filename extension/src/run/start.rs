//! Starting a run, and beginning another attempt at one that exists.

use pgrx::datetime::clock_timestamp;
use pgrx::pg_sys::BuiltinOid::{INT4OID, INT8OID, JSONBOID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID};
use pgrx::spi::SpiClient;
use runmeta_core::wire::{MAXIMUM_TAGS, Target};
use runmeta_core::{BadValue, Operation, Tree};

use super::parent::Parent;
use super::{Attempt, Document, check_length, id_is_taken, missing, read_document, status};
use crate::announce;
use crate::document::{Changed, Draft};
use crate::follow;
use crate::jsonb::{self, Jsonb, Node, View};
use crate::layout;
use crate::process;
use crate::refusal::Refusal;
use crate::settings;
use crate::statement::Statement;

thread_local! {
    static INSERT: Statement = const { Statement::new(
        include_str!("sql/insert.sql"),
        &[
            TEXTOID, TEXTOID, TEXTOID, INT4OID, TEXTOID, TEXTARRAYOID, TEXTOID, INT4OID, JSONBOID,
            TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID,
        ],
    ) };
    static BEGIN: Statement = const { Statement::new(
        include_str!("sql/begin_attempt.sql"),
        &[
            TEXTOID, TEXTOID, INT4OID, TEXTOID, JSONBOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID,
            INT4OID,
        ],
    ) };
}

/// A run may be pruned between the insertion that it prevents and the look at it. More than once is a guess at the most
/// that happens by chance; then it is there and hidden.
const TRIES: usize = 3;

/// A run as `start` describes it.
pub struct NewRun<'a> {
    /// Its id.
    pub id: &'a str,
    /// The run that it is started under.
    pub parent: Option<&'a str>,
    /// The name of the job.
    pub task: Option<&'a str>,
    /// Words to find it by.
    pub tags: Vec<&'a str>,
    /// Its document, or what is merged into it at the beginning of another attempt.
    pub metadata: View<'a>,
    /// The status of an attempt that begins.
    pub status: &'a str,
    /// The number of the attempt: whichever there is, if `None`.
    pub attempt: Option<i32>,
}

impl<'a> NewRun<'a> {
    /// Returns a run without anything, that works.
    pub fn of(id: &'a str) -> Self {
        NewRun {
            id,
            parent: None,
            task: None,
            tags: Vec::new(),
            metadata: View::empty_object(),
            status: "running",
            attempt: None,
        }
    }

    /// Checks everything that can be checked without a look at the tables.
    ///
    /// # Errors
    ///
    /// [`Refusal`] for a text, a number or a document that no run can have.
    pub fn check(&self) -> Result<(), Refusal> {
        check_length("run id", self.id)?;
        self.task
            .map_or(Ok(()), |task| check_length("task", task))?;
        if self.tags.len() > MAXIMUM_TAGS {
            let count = self.tags.len();
            return Err(Refusal::TooManyTags { count });
        }
        self.tags
            .iter()
            .try_for_each(|tag| check_length("tag", tag))?;
        status::check_unfinished(self.status)?;
        if self.attempt.is_some_and(|attempt| attempt < 1) {
            return Err(Refusal::NotPositive {
                argument: "attempt",
            });
        }
        if !matches!(self.metadata, View::Object(_)) {
            return Err(Refusal::BadDocument(BadValue::NotAnObject));
        }
        Node::View(self.metadata)
            .check(0)
            .map_err(Refusal::BadDocument)?;
        let (size, limit) = (jsonb::size(self.metadata), settings::maximum_size());
        match size <= limit {
            true => Ok(()),
            false => Err(Refusal::TooLarge {
                run: self.id.to_owned(),
                size,
                limit,
            }),
        }
    }

    /// Makes the run, begins another attempt at it or finds it as it is, and returns its version.
    ///
    /// # Errors
    ///
    /// [`Refusal`] for a parent that is missing, an attempt that is over, a finished run where no attempt is given, and a
    /// document that would be too large, and where row-level security hides the run or keeps it from being changed.
    pub fn start(&self, client: &mut SpiClient<'_>) -> Result<i64, Refusal> {
        self.parent.map_or(Ok(()), follow::before::one)?;
        follow::before::one(self.id)?;
        if let Some(version) = self.try_to_start(client)? {
            return Ok(version);
        }
        if layout::appear(client, &[self.id])?
            && let Some(version) = self.try_to_start(client)?
        {
            return Ok(version);
        }
        Err(match Attempt::find(client, self.id)? {
            Some(_) => missing(client, self.id, Target::Own)?,
            None => id_is_taken(self.id),
        })
    }

    /// Does so, or returns `None` where the run is there and not found.
    fn try_to_start(&self, client: &mut SpiClient<'_>) -> Result<Option<i64>, Refusal> {
        for _ in 0..TRIES {
            if let Some(version) = self.insert(client)? {
                return Ok(Some(version));
            }
            let Some(found) = Attempt::find(client, self.id)? else {
                continue;
            };
            if found.on_start(self.attempt)?.is_none() {
                return found.live_version(client).map(Some);
            }
            if let Some(version) = self.begin_attempt(client, &found)? {
                return Ok(Some(version));
            }
        }
        Ok(None)
    }

    /// Inserts the run and returns its version, or `None` if a run has this id already.
    fn insert(&self, client: &mut SpiClient<'_>) -> Result<Option<i64>, Refusal> {
        let (root, depth) = match self.parent {
            None => (self.id.into(), 0),
            Some(id) => match Parent::find_or_await(client, id)? {
                // The parent is this run or below it, so the run exists. No row that says so may even be tried: the
                // table's checks come before its keys.
                Some(parent) if *parent.root == *self.id => {
                    self.exists(client)?;
                    return Ok(None);
                }
                Some(parent) => {
                    let depth = parent.depth.checked_add(1);
                    let last = || Refusal::LastDepth { run: id.to_owned() };
                    (parent.root, depth.ok_or_else(last)?)
                }
                // A run that exists is found, whatever became of its parent.
                None if self.exists(client)? => return Ok(None),
                None => {
                    return Err(Refusal::NoSuchParent {
                        run: self.id.to_owned(),
                        parent: id.to_owned(),
                    });
                }
            },
        };
        let is_split = layout::is_split();
        if is_split && !layout::register(client, self.id, &root, self.parent)? {
            if process::has_one_snapshot() {
                self.exists(client)?;
            }
            return Ok(None);
        }
        let now = clock_timestamp();
        let arguments = [
            (&*root).into(),
            self.id.into(),
            self.parent.into(),
            depth.into(),
            self.task.into(),
            self.tags.clone().into(),
            self.status.into(),
            self.attempt.unwrap_or(1).into(),
            self.document()?.into(),
            now.into(),
            (!status::is_waiting(self.status)).then_some(now).into(),
            self.size_bound().into(),
        ];
        let mut inserted = INSERT.with(|statement| statement.run(client, &arguments))?;
        layout::check_unchanged(is_split)?;
        if inserted.next().is_none() {
            return Ok(None);
        }
        let version = inserted.get(1)?.unwrap_or(1);
        announce::changed(&root, self.id, version);
        Ok(Some(version))
    }

    /// Returns whether the run exists, where no insertion is tried. In a transaction with one snapshot, an insertion
    /// raises 40001 if the run has changed since; here its lock does. Otherwise a worker whose snapshot is older than
    /// the next attempt would find its own attempt as it was, and go on.
    fn exists(&self, client: &mut SpiClient<'_>) -> Result<bool, Refusal> {
        let Some(found) = Attempt::find(client, self.id)? else {
            return Ok(false);
        };
        if process::has_one_snapshot() && found.lock(client)?.is_none() {
            return Err(missing(client, self.id, Target::Own)?);
        }
        Ok(true)
    }

    /// Begins the attempt and returns the run's version; `None` if the run was pruned meanwhile. Of several sessions that
    /// begin the same attempt one does, and the others find it.
    fn begin_attempt(
        &self,
        client: &mut SpiClient<'_>,
        found: &Attempt,
    ) -> Result<Option<i64>, Refusal> {
        let Some(locked) = found.lock(client)? else {
            return Ok(None);
        };
        let Some(number) = locked.on_start(self.attempt)? else {
            return locked.live_version(client).map(Some);
        };
        let locked = locked.fold(client)?;
        let document = read_document(client, &locked.root, self.id)?;
        let (merged, bound) = match self.merged_into(&document)? {
            Some(changed) => (Some(changed.metadata), Some(changed.bound)),
            None => (None, None),
        };
        let (version, now) = (locked.next_version()?, clock_timestamp());
        let arguments = [
            locked.root.as_str().into(),
            self.id.into(),
            number.into(),
            self.status.into(),
            merged.into(),
            version.into(),
            (!status::is_waiting(self.status)).then_some(now).into(),
            now.into(),
            bound.into(),
        ];
        BEGIN.with(|statement| statement.store(client, &arguments, 1))?;
        announce::changed(&locked.root, self.id, version);
        Ok(Some(version))
    }

    /// Returns the metadata as a document.
    ///
    /// # Errors
    ///
    /// [`Refusal::TooManyBytes`].
    pub fn document(&self) -> Result<Jsonb<'static>, Refusal> {
        jsonb::encode_value(self.metadata).map_err(|_| Refusal::TooManyBytes)
    }

    /// Returns the bytes of the document as compact JSON.
    pub fn size_bound(&self) -> Option<i32> {
        i32::try_from(jsonb::size(self.metadata)).ok()
    }

    /// Returns the document with the metadata merged into it, or `None` if that changes nothing.
    fn merged_into(&self, document: &Document) -> Result<Option<Changed>, Refusal> {
        let limit = settings::maximum_size();
        let mut draft = Draft::new(&document.metadata, limit, document.size_bound);
        self.merge_into(&mut draft)?;
        let refuse = |error| Refusal::of_draft(error, self.id, limit);
        draft.finish().map_err(refuse)
    }

    /// Merges the metadata into a document.
    ///
    /// # Errors
    ///
    /// [`Refusal::TooLarge`], or [`Refusal::Unapplied`] if what is stored there is no document.
    pub fn merge_into(&self, draft: &mut Draft<'a>) -> Result<(), Refusal> {
        let merge = Operation::Merge {
            key: None,
            value: Node::View(self.metadata),
        };
        let limit = settings::maximum_size();
        let refuse = |error| Refusal::of_draft(error, self.id, limit);
        let applied = draft.apply(&[Ok(merge)]).map_err(refuse)?;
        match applied.unapplied.first() {
            None => Ok(()),
            Some(skipped) => Err(Refusal::Unapplied {
                operation: "merge",
                key: None,
                reason: skipped.reason,
            }),
        }
    }
}
