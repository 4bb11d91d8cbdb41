//! A run's metadata: recording operations.

use runmeta_core::wire::Target;
use runmeta_core::{BadValue, Json, Key, Operation};
use serde::Serialize;

use super::amount::Addend;
use super::atomically::{Draft, Kept};
use super::serialize::{Unfit, to_json};
use crate::error::Unapplied;
use crate::{Amount, Error, Run, scope};

/// The metadata of a run, of its parent or of its root; cheap to clone, and worth keeping for a loop.
///
/// Operations return at once: they go to a buffer, are shortened there, and leave in batches. They never fail a job. Those that
/// had no effect are reported by [`flush`](Metadata::flush), logged, and counted in
/// [`Metrics::unapplied`](crate::Metrics::unapplied). Each method returns the handle, so that calls can be chained.
///
/// A key that begins with `$.` is a path, such as `$.users[0].name`; any other is a top-level name. Values are whatever
/// [`Serialize`] makes JSON of, by the rules of [`serde_json`]: NaN and the infinities, which JSON does not have, become null.
/// Only an increment by one of them has no effect.
///
/// Outside a run, where [`metadata::handle`](crate::metadata::handle) may be called too, operations have no effect and reads
/// return nothing.
#[derive(Clone, Debug)]
pub struct Metadata {
    pub(crate) run: Option<Run>,
    pub(crate) target: Target,
    /// The group that operations go to, inside [`atomically`](Metadata::atomically).
    pub(super) draft: Option<Draft>,
}

impl Metadata {
    pub(crate) fn of(run: Run, target: Target) -> Metadata {
        let target = run.nearest(target);
        Metadata {
            run: Some(run),
            target,
            draft: None,
        }
    }

    /// Returns the metadata of the run of the innermost scope.
    pub(super) fn here() -> Metadata {
        match scope::current() {
            Some(run) => run.metadata(),
            None => Metadata {
                run: None,
                target: Target::Own,
                draft: None,
            },
        }
    }

    /// Returns the metadata of the run's parent: the run's own, if it has none. `parent().parent()` is the same parent: a
    /// grandparent is not reached.
    pub fn parent(&self) -> Metadata {
        self.other(Target::Parent)
    }

    /// Returns the metadata of the first run of the tree: the run's own, if it has no parent.
    pub fn root(&self) -> Metadata {
        self.other(Target::Root)
    }

    fn other(&self, target: Target) -> Metadata {
        match &self.run {
            Some(run) => Metadata {
                draft: self.draft.clone(),
                ..Metadata::of(run.clone(), target)
            },
            None => self.clone(),
        }
    }

    /// Sets the value at `key`. Containers that are missing on the way of a path are created.
    pub fn set(&self, key: &str, value: impl Serialize) -> Metadata {
        self.record("set", Some(key), value, |key, value| Operation::Set {
            key,
            value,
        })
    }

    /// Deletes the value at `key`, if there is one.
    pub fn del(&self, key: &str) -> Metadata {
        self.record("delete", Some(key), (), |key, _| Operation::Delete { key })
    }

    /// Replaces the whole document by `value`, an object: a struct, a map or `json!({…})`.
    pub fn replace(&self, value: impl Serialize) -> Metadata {
        self.record("update", None, value, |_, value| Operation::Update {
            value,
        })
    }

    /// Merges an object into the document, as a JSON merge patch (RFC 7396): null removes.
    pub fn merge(&self, value: impl Serialize) -> Metadata {
        self.record("merge", None, value, |_, value| Operation::Merge {
            key: None,
            value,
        })
    }

    /// Merges a value into the value at `key`, as a JSON merge patch (RFC 7396): null removes.
    pub fn merge_at(&self, key: &str, value: impl Serialize) -> Metadata {
        self.record("merge", Some(key), value, |key, value| Operation::Merge {
            key: Some(key),
            value,
        })
    }

    /// Appends `value` to the array at `key`. If nothing is there, it becomes an array of one element; if something else is,
    /// an array of that and `value`.
    pub fn append(&self, key: &str, value: impl Serialize) -> Metadata {
        self.record("append", Some(key), value, |key, value| Operation::Append {
            key,
            value,
            keep: None,
        })
    }

    /// Appends as [`append`](Metadata::append) does, and keeps only the last `keep` elements: a log that cannot fill the
    /// document.
    pub fn append_keep(&self, key: &str, value: impl Serialize, keep: u64) -> Metadata {
        self.record("append", Some(key), value, |key, value| Operation::Append {
            key,
            value,
            keep: Some(keep),
        })
    }

    /// Removes every element that equals `value` from the array at `key`.
    pub fn remove(&self, key: &str, value: impl Serialize) -> Metadata {
        self.record("remove", Some(key), value, |key, value| Operation::Remove {
            key,
            value,
        })
    }

    /// Adds `by` to the number at `key`; what is missing or no number counts as 0. Sums are exact decimals: ten times 0.1 is 1.
    ///
    /// Repeats are added up in the buffer: a million calls make one operation. On a handle that is kept, a call takes some
    /// tens of nanoseconds and allocates nothing. For that it returns the handle by reference: 22 ns, and 33 by value.
    #[inline]
    pub fn increment(&self, key: &str, by: impl Amount) -> &Metadata {
        self.add(key, by.addend())
    }

    /// Subtracts `by` from the number at `key`.
    #[inline]
    pub fn decrement(&self, key: &str, by: impl Amount) -> &Metadata {
        self.add(key, by.addend().negated())
    }

    /// Waits until everything recorded before is committed: on the run, its parent and its root, by whichever handle of this
    /// client. Outside a run, there is nothing to wait for.
    ///
    /// It may be dropped at any time; the operations stay in the buffer. While the server cannot be reached it waits, as that
    /// passes; put a `tokio::time::timeout` around it if you cannot.
    ///
    /// # Errors
    ///
    /// - Operations had no effect since the last flush of this handle: [`Error::unapplied`] lists them with the reasons. Those
    ///   that others recorded on the same run are among them, and those on its parent or root if this handle recorded there.
    /// - The server accepts nothing, and waiting does not help: the user may not connect, for instance.
    pub fn flush(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let run = self.run.clone();
        async move {
            match run {
                Some(run) => run.flush().await,
                None => Ok(()),
            }
        }
    }

    #[inline]
    fn add(&self, key: &str, by: Addend) -> &Metadata {
        match (&self.run, &self.draft, by) {
            (Some(run), None, Addend::Short(by)) => {
                let (state, recorder) = (run.state(self.target), run.recorder(self.target));
                run.client().buffer().increment(state, recorder, key, by);
            }
            (_, _, by) => self.record_json("increment", Some(key), Ok(by.json()), |key, value| {
                Operation::Increment { key, value }
            }),
        }
        self
    }

    fn record(
        &self,
        kind: &'static str,
        key: Option<&str>,
        value: impl Serialize,
        operation: impl FnOnce(Key, Json) -> Operation<Json>,
    ) -> Metadata {
        // The caller's code runs before any lock is taken: it may panic, or record something itself.
        let value = match self.run {
            Some(_) => to_json(&value),
            None => Ok(Json::Null),
        };
        self.record_json(kind, key, value, operation);
        self.clone()
    }

    fn record_json(
        &self,
        kind: &'static str,
        key: Option<&str>,
        value: Result<Json, Unfit>,
        operation: impl FnOnce(Key, Json) -> Operation<Json>,
    ) {
        let Some(run) = &self.run else {
            return scope::recorded_outside(kind, key);
        };
        let (state, recorder) = (run.state(self.target), run.recorder(self.target));
        let invalid = |bad: runmeta_core::Reason| Unapplied::invalid(&state.id, kind, key, bad);
        let checked = match value {
            Err(Unfit::TooDeep) => Err(invalid(BadValue::TooDeep.into())),
            Err(Unfit::NotSerializable(error)) => {
                Err(Unapplied::new(&state.id, kind, key, "not_serializable").because(&error))
            }
            // Without a key, the operation is made with one that it does not use.
            Ok(value) => Key::parse(key.unwrap_or_default())
                .map_err(|bad| invalid(bad.into()))
                .and_then(|key| {
                    let operation = operation(key, value);
                    operation.check().map_err(|bad| invalid(bad.into()))?;
                    Ok(operation)
                }),
        };
        let kept = match (checked, &self.draft) {
            (Err(unapplied), _) => Err(unapplied),
            (Ok(operation), None) => Ok(Some(operation)),
            (Ok(operation), Some(draft)) => match draft.keep(self.target, operation) {
                Kept::Taken => Ok(None),
                Kept::Alone(operation) => Ok(Some(operation)),
                Kept::Full(operation) => Err(Unapplied::of(&state.id, &operation, "buffer_full")),
            },
        };
        let buffer = run.client().buffer();
        match kept {
            Ok(Some(operation)) => buffer.record(state, recorder, operation),
            Ok(None) => {}
            Err(unapplied) => buffer.note_unapplied(&mut state.lock(), unapplied),
        }
        buffer.log_unapplied();
    }
}
