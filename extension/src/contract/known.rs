//! The contracts that a session knows: compiled once, and looked up once a transaction for each task.
//!
//! A look-up of a transaction holds until it ends: `runmeta.contract` locks the table of runs against writers, so that no
//! contract changes while a transaction that has written goes on, but in that transaction itself.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use jsonschema::Validator;
use pgrx::pg_sys::BuiltinOid::TEXTOID;
use pgrx::prelude::*;
use pgrx::spi::SpiError;

use super::node::Document;
use super::{Mode, compile};
use crate::owner::AsOwner;
use crate::process;
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static FIND: Statement = const { Statement::new(include_str!("sql/find.sql"), &[TEXTOID]) };
    static KNOWN: RefCell<HashMap<String, Known>> = RefCell::new(HashMap::new());
    /// The transaction that has changed contracts.
    static CHANGING: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Tasks that a session remembers. A guess: more than one database has contracts for.
const REMEMBERED: usize = 128;

/// A contract.
pub struct Contract {
    /// What documents are to fit.
    pub validator: Validator<Document>,
    /// What becomes of those that do not.
    pub mode: Mode,
}

/// What is known of a task.
struct Known {
    /// The transaction that looked it up last.
    transaction: u32,
    /// Its contract, and which row of the table that is.
    contract: Option<(String, Rc<Contract>)>,
}

/// Returns the contract of a task.
///
/// # Errors
///
/// [`Refusal::NotMigrated`] if there is no such table. One whose row was changed by hand may not be a schema.
pub fn contract(task: &str) -> Result<Option<Rc<Contract>>, Refusal> {
    let transaction = process::own_transaction_id();
    let is_changing = CHANGING.get() == Some(transaction);
    let known = KNOWN.with_borrow(|known| {
        let known = known
            .get(task)
            .filter(|known| !is_changing && known.transaction == transaction);
        known.map(|known| {
            known
                .contract
                .as_ref()
                .map(|(_, contract)| Rc::clone(contract))
        })
    });
    if let Some(contract) = known {
        return Ok(contract);
    }
    let contract = look_up(task)?;
    let found = contract.as_ref().map(|(_, contract)| Rc::clone(contract));
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= REMEMBERED && !known.contains_key(task) {
            known.clear();
        }
        known.insert(
            task.to_owned(),
            Known {
                transaction,
                contract,
            },
        );
    });
    Ok(found)
}

/// Notes that this transaction changes contracts: until it ends, each is looked up each time.
pub fn changed() {
    CHANGING.set(Some(process::own_transaction_id()));
}

fn look_up(task: &str) -> Result<Option<(String, Rc<Contract>)>, Refusal> {
    let required = || Refusal::Query(SpiError::InvalidPosition);
    Spi::connect_mut(|client| {
        let mut rows = {
            let _owner = AsOwner::of_contracts()?;
            FIND.with(|statement| statement.run(client, &[task.into()]))?
        };
        if rows.next().is_none() {
            return Ok(None);
        }
        let row: String = rows.get(1)?.ok_or_else(required)?;
        let compiled = KNOWN.with_borrow(|known| {
            let (of, contract) = known.get(task)?.contract.as_ref()?;
            (*of == row).then(|| Rc::clone(contract))
        });
        let contract = match compiled {
            Some(contract) => contract,
            None => {
                let mode: String = rows.get(2)?.ok_or_else(required)?;
                Rc::new(Contract {
                    validator: compile(&rows.get(3)?.ok_or_else(required)?)?,
                    mode: Mode::parse(&mode).unwrap_or(Mode::Warn),
                })
            }
        };
        Ok(Some((row, contract)))
    })
}
