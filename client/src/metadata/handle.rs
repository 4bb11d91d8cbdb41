//! A run's metadata: the operations.

use runmeta_core::{BadValue, Key, Operation};
use serde::Serialize;
use serde_json::Value;

use crate::amount::Addend;
use crate::answer::Target;
use crate::group::{Draft, Fate};
use crate::refusal::Refusal;
use crate::to_value::{Unfit, to_value};
use crate::{Amount, Error, Run, reserved};

/// The metadata of a run, of its parent or of its root; cheap to clone, and good to keep for a loop.
///
/// Operations return at once: they go to a buffer, are shortened there, and leave in batches. They never fail a job. What
/// could not take effect is told by [`flush`](Metadata::flush), logged, and counted in
/// [`Metrics::refused`](crate::Metrics::refused). Each returns the handle, so that calls can be chained.
///
/// A key that begins with `$.` is a path, such as `$.users[0].name`; any other is a top-level name. Values are whatever
/// [`Serialize`] makes JSON of, by the rules of [`serde_json`]: NaN and the infinities, which JSON does not have, become null.
/// Only an increment by one of them is refused.
///
/// Outside a run, where [`metadata::handle`](crate::metadata::handle) may be called too, operations have no effect and reads
/// give nothing.
#[derive(Clone, Debug)]
pub struct Metadata {
    pub(crate) run: Option<Run>,
    pub(crate) target: Target,
    /// The group that operations go to, inside [`atomically`](Metadata::atomically).
    pub(crate) draft: Option<Draft>,
}

impl Metadata {
    pub(crate) fn of(run: Run, target: Target) -> Metadata {
        let target = run.normal(target);
        Metadata {
            run: Some(run),
            target,
            draft: None,
        }
    }

    pub(crate) fn here() -> Metadata {
        match crate::scope::current() {
            Some(run) => run.metadata(),
            None => Metadata {
                run: None,
                target: Target::Own,
                draft: None,
            },
        }
    }

    /// Returns the metadata of the parent of the run: the run's own, if it has none. Of the run that this handle came from,
    /// also when this is the parent's or the root's: a grandparent is not reached.
    #[must_use]
    pub fn parent(&self) -> Metadata {
        self.other(Target::Parent)
    }

    /// Returns the metadata of the first run of the tree: the run's own, if it has no parent.
    #[must_use]
    pub fn root(&self) -> Metadata {
        self.other(Target::Root)
    }

    pub(crate) fn other(&self, target: Target) -> Metadata {
        match &self.run {
            Some(run) => Metadata {
                draft: self.draft.clone(),
                ..Metadata::of(run.clone(), target)
            },
            None => self.clone(),
        }
    }

    /// The value at `key` becomes `value`. Containers that are missing on the way of a path are made.
    pub fn set(&self, key: &str, value: impl Serialize) -> &Metadata {
        self.say("set", Some(key), value, |key, value| Operation::Set {
            key,
            value,
        })
    }

    /// The value at `key` goes; nothing happens if it is not there.
    pub fn del(&self, key: &str) -> &Metadata {
        self.say("delete", Some(key), (), |key, _| Operation::Delete { key })
    }

    /// The whole document becomes `value`, an object: a struct, a map or `json!({…})`.
    pub fn replace(&self, value: impl Serialize) -> &Metadata {
        self.say("update", None, value, |_, value| Operation::Update {
            value,
        })
    }

    /// Merges an object into the document, as a JSON merge patch (RFC 7396): null removes.
    pub fn merge(&self, value: impl Serialize) -> &Metadata {
        self.say("merge", None, value, |_, value| Operation::Merge {
            key: None,
            value,
        })
    }

    /// Merges a value into the value at `key`, as a JSON merge patch (RFC 7396): null removes.
    pub fn merge_at(&self, key: &str, value: impl Serialize) -> &Metadata {
        self.say("merge", Some(key), value, |key, value| Operation::Merge {
            key: Some(key),
            value,
        })
    }

    /// `value` goes to the end of the array at `key`. If nothing is there, an array of one; if something else is, an array
    /// of that and the value.
    pub fn append(&self, key: &str, value: impl Serialize) -> &Metadata {
        self.say("append", Some(key), value, |key, value| Operation::Append {
            key,
            value,
            keep: None,
        })
    }

    /// As [`append`](Metadata::append), and then only the last `keep` elements stay: a log that does not outgrow the
    /// document. `keep` is at least 1.
    pub fn append_keep(&self, key: &str, value: impl Serialize, keep: u64) -> &Metadata {
        self.say("append", Some(key), value, |key, value| Operation::Append {
            key,
            value,
            keep: Some(keep),
        })
    }

    /// Every element that equals `value` leaves the array at `key`.
    pub fn remove(&self, key: &str, value: impl Serialize) -> &Metadata {
        self.say("remove", Some(key), value, |key, value| Operation::Remove {
            key,
            value,
        })
    }

    /// The number at `key` grows by `by`; what is missing or no number counts as 0. Sums are exact decimals: ten times 0.1
    /// is 1.
    ///
    /// Repeats are added up in the buffer: a million calls make one operation. On a handle that is kept, a call takes some
    /// tens of nanoseconds and allocates nothing.
    #[inline]
    pub fn increment(&self, key: &str, by: impl Amount) -> &Metadata {
        self.add(key, by.addend())
    }

    /// The number at `key` shrinks by `by`.
    #[inline]
    pub fn decrement(&self, key: &str, by: impl Amount) -> &Metadata {
        self.add(key, by.addend().negated())
    }

    /// Waits until everything that was said before is committed: on the run, its parent and its root, by whichever handle of
    /// this client.
    ///
    /// It may be dropped at any time; the operations stay in the buffer. While the server cannot be reached it waits, as
    /// that passes; put a `tokio::time::timeout` around it if you cannot.
    ///
    /// # Errors
    ///
    /// - Operations were refused since the last flush of this handle: [`Error::refusals`] lists them with the reasons. What
    ///   others said on the same run is among them, and on its parent or root, if this handle spoke of those.
    /// - The server takes nothing, and waiting would not mend it: the user may not connect, for instance.
    pub async fn flush(&self) -> Result<(), Error> {
        match &self.run {
            Some(run) => run.flush().await,
            None => Ok(()),
        }
    }

    #[inline]
    fn add(&self, key: &str, by: Addend) -> &Metadata {
        match (&self.run, &self.draft, by) {
            (Some(run), None, Addend::Short(by)) => {
                run.speak(self.target);
                let (state, voice) = (run.state(self.target), run.voice(self.target));
                run.client().buffer().increment(state, voice, key, by);
                self
            }
            (_, _, by) => self.say("increment", Some(key), by.value(), |key, value| {
                Operation::Increment { key, value }
            }),
        }
    }

    fn say(
        &self,
        kind: &'static str,
        key: Option<&str>,
        value: impl Serialize,
        operation: impl FnOnce(Key, Value) -> Operation<Value>,
    ) -> &Metadata {
        let Some(run) = &self.run else { return self };
        run.speak(self.target);
        let buffer = run.client().buffer();
        let state = run.state(self.target);
        // The caller's code runs before any lock is taken: it may panic, or say something itself.
        let operation = match to_value(&value) {
            Err(Unfit::TooDeep) => Err(Refusal::invalid(&state.id, kind, key, BadValue::TooDeep)),
            Err(Unfit::NotSerializable(error)) => {
                Err(Refusal::new(&state.id, kind, key, "not_serializable").because(&error))
            }
            Ok(value) if reserved::in_value(&value) => {
                Err(Refusal::new(&state.id, kind, key, "bad_value").because(&reserved::WHY))
            }
            // Without a key, the operation is made with one that it does not use.
            Ok(value) => match Key::parse(key.unwrap_or_default()) {
                Err(bad) => Err(Refusal::invalid(&state.id, kind, key, bad)),
                Ok(parsed) if reserved::in_key(&parsed) => {
                    Err(Refusal::new(&state.id, kind, key, "bad_path").because(&reserved::WHY))
                }
                Ok(parsed) => {
                    let operation = operation(parsed, value);
                    match operation.check() {
                        Err(bad) => Err(Refusal::invalid(&state.id, kind, key, bad)),
                        Ok(()) => Ok(operation),
                    }
                }
            },
        };
        let alone = match (operation, &self.draft) {
            (Err(refusal), _) => Err(refusal),
            (Ok(operation), None) => Ok(operation),
            (Ok(operation), Some(draft)) => match draft.keep(self.target, operation) {
                Fate::Kept => return self,
                Fate::Alone(operation) => Ok(operation),
                Fate::Refused(operation) => Err(Refusal::of(&state.id, &operation, "buffer_full")),
            },
        };
        match alone {
            Ok(operation) => buffer.say(state, run.voice(self.target), operation),
            Err(refusal) => buffer.refuse(&mut state.lock(), refusal),
        }
        buffer.log_refusals();
        self
    }
}
