//! Many runs whose attempts or statuses changed: storing them by one statement, with their documents.

use pgrx::pg_sys::BuiltinOid::{
    INT4ARRAYOID, INT8ARRAYOID, JSONBARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID,
};
use pgrx::prelude::*;

use super::State;
use super::unstored_documents::{UnstoredDocuments, settle};
use crate::announce;
use crate::document::Changed;
use crate::inbox::Applied;
use crate::one_pass::plan::ByIndex;
use crate::refusal::Refusal;

thread_local! {
    static STORE: ByIndex = const { ByIndex::new(
        include_str!("sql/store_states.sql"),
        &[
            TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, INT8ARRAYOID,
            TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, JSONBARRAYOID, TIMESTAMPTZOID, INT4ARRAYOID,
        ],
    ) };
}

/// Runs that are not stored yet.
pub struct UnstoredStates {
    states: Vec<State>,
    documents: UnstoredDocuments,
    at: TimestampWithTimeZone,
}

impl UnstoredStates {
    /// Makes an empty collection. Its runs change at this time.
    pub fn at(time: TimestampWithTimeZone) -> Self {
        UnstoredStates {
            states: Vec::new(),
            documents: UnstoredDocuments::default(),
            at: time,
        }
    }

    /// Adds a run and its document, if that changed, and what was folded. Stores what there is before that, if it were too
    /// much otherwise.
    ///
    /// # Errors
    ///
    /// As [`store`](Self::store).
    pub fn add(
        &mut self,
        state: State,
        changed: Option<Changed>,
        folded: Applied,
    ) -> Result<(), Refusal> {
        if !self.documents.has_room(changed.as_ref()) {
            self.store()?;
        }
        self.states.push(state);
        self.documents.add(changed, folded);
        Ok(())
    }

    /// Stores what was added, in one statement, and has it announced.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotStored`]. Errors of Postgres are raised.
    pub fn store(&mut self) -> Result<(), Refusal> {
        if self.states.is_empty() {
            return Ok(());
        }
        let empty = UnstoredStates::at(self.at);
        let added = std::mem::replace(self, empty);
        let count = added.states.len();
        let attempts = || added.states.iter().map(|state| &state.attempt);
        for attempt in attempts() {
            announce::changed(&attempt.root, &attempt.id, attempt.version);
        }
        // A connection of its own, in which the arguments are made: they are freed with it.
        Spi::connect_mut(|client| {
            let texts = |of: fn(&super::Attempt) -> &str| attempts().map(of).collect::<Vec<_>>();
            let started = added.states.iter().map(|state| state.started_at);
            let arguments = [
                texts(|attempt| &attempt.root).into(),
                texts(|attempt| &attempt.id).into(),
                attempts()
                    .map(|attempt| attempt.number)
                    .collect::<Vec<_>>()
                    .into(),
                texts(|attempt| &attempt.status).into(),
                attempts()
                    .map(|attempt| attempt.version)
                    .collect::<Vec<_>>()
                    .into(),
                started.collect::<Vec<_>>().into(),
                attempts()
                    .map(|attempt| attempt.finished_at)
                    .collect::<Vec<_>>()
                    .into(),
                added.documents.documents.into(),
                added.at.into(),
                added.documents.bounds.into(),
            ];
            if STORE.with(|statement| statement.run(client, &arguments))? != count {
                return Err(Refusal::NotStored);
            }
            settle(added.documents.folded, client)
        })
    }
}
