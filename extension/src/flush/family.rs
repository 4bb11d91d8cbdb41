//! Finding which runs a batch addresses. Parent and root come from the stored tree, never from the batch.

use std::collections::HashMap;
use std::rc::Rc;

use pgrx::pg_sys::BuiltinOid::TEXTARRAYOID;
use pgrx::prelude::*;
use runmeta_core::wire::Target;

use super::batch::Part;
use crate::jsonb::check_for_interrupts;
use crate::layout::{self, Shards};
use crate::refusal::Refusal;
use crate::statement::Statement;

thread_local! {
    static FAMILIES: Statement = const { Statement::new(
        include_str!("sql/families.sql"),
        &[TEXTARRAYOID],
    ) };
}

/// Runs that one statement looks up: their rows stay in memory until it ends, up to 1 kB each.
pub const SLICE: usize = 4096;

/// A run that is addressed, and the parts for it.
pub struct Addressed {
    /// Its id.
    pub id: Rc<str>,
    /// The first run of its tree, where the layout is split.
    pub root: Option<Rc<str>>,
    /// True if the root is a guess: a run that is not found may have another one.
    pub is_guess: bool,
    /// The [shard](Shards) in which it lies.
    pub shard: usize,
    /// The positions of the parts in the batch, in their order.
    pub parts: Vec<u32>,
}

/// How the roots of runs become known where the layout is split.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Roots {
    /// They are looked up.
    Found,
    /// They are what the batch has, or what they were when this session looked them up. A run is found by both its root and its id, so
    /// that a wrong guess finds none.
    Guessed,
}

impl Roots {
    /// Returns the root of the run that a part is for, if it can be guessed.
    fn guess(self, part: &Part<'_>) -> Option<Rc<str>> {
        let may = self == Roots::Guessed && layout::is_split() && part.is_own();
        may.then(|| {
            part.root
                .map(Rc::from)
                .or_else(|| layout::remembered(part.run))
        })?
    }
}

/// Returns the runs that those parts are for which `is_left` picks by their positions, in the order in which they are to be
/// locked: of their shards, and of their ids in each. A part that came from a run that does not exist may be for none of them.
///
/// Where all of them are for the runs that bring them and the layout is plain, nothing is looked up: a flush of 1,000 runs takes
/// 5.5 ms, and the look-up 1.3 more. Where the layout is split, the root of such a run may be [guessed](Roots::Guessed) instead.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn resolve(
    parts: &[Part<'_>],
    roots: Roots,
    is_left: impl Fn(usize) -> bool,
) -> Result<Vec<Addressed>, Refusal> {
    let left = || {
        let parts = (0u32..).zip(parts);
        parts.filter(|(position, _)| is_left(*position as usize))
    };
    let is_split = layout::is_split();
    if !is_split && left().all(|(_, part)| part.is_own()) {
        return Ok(grouped(
            left()
                .map(|(position, part)| (part.run.into(), position))
                .collect(),
        ));
    }
    let mut addresses = Vec::with_capacity(parts.len());
    let mut guessed: HashMap<Rc<str>, Rc<str>> = HashMap::new();
    let mut unknown = Vec::with_capacity(parts.len());
    for (position, part) in left() {
        match roots.guess(part) {
            Some(root) => {
                let id: Rc<str> = part.run.into();
                addresses.push((Rc::clone(&id), position));
                guessed.insert(id, root);
            }
            None => unknown.push((position, part)),
        }
    }
    let families = families(unknown.iter().map(|(_, part)| part.run).collect())?;
    let mut roots: HashMap<Rc<str>, Rc<str>> = HashMap::new();
    for (position, part) in unknown {
        check_for_interrupts();
        if let Some(family) = families.get(part.run) {
            let id = match part.member().target() {
                Target::Own => &family.id,
                Target::Parent => &family.parent,
                Target::Root => &family.root,
            };
            addresses.push((Rc::clone(id), position));
            if is_split {
                roots.insert(Rc::clone(id), Rc::clone(&family.root));
            }
        }
    }
    let mut runs = grouped(addresses);
    if is_split {
        let shards = Shards::now();
        for run in &mut runs {
            let found = roots.get(&run.id);
            run.is_guess = found.is_none();
            run.root = found.or_else(|| guessed.get(&run.id)).map(Rc::clone);
            run.shard = run.root.as_deref().map_or(0, |root| shards.of(root));
        }
        // Within a shard they stay in their order.
        runs.sort_by_key(|run| run.shard);
    }
    Ok(runs)
}

/// Sorts parts by the runs that they are for, and puts those for one run together.
fn grouped(mut addresses: Vec<(Rc<str>, u32)>) -> Vec<Addressed> {
    addresses.sort_unstable();
    let mut runs: Vec<Addressed> = Vec::new();
    for (id, position) in addresses {
        match runs.last_mut() {
            Some(run) if run.id == id => run.parts.push(position),
            _ => runs.push(Addressed {
                id,
                root: None,
                is_guess: false,
                shard: 0,
                parts: vec![position],
            }),
        }
    }
    runs
}

struct Family {
    root: Rc<str>,
    parent: Rc<str>,
    id: Rc<str>,
}

/// Looks up the runs from which the parts come.
fn families(mut ids: Vec<&str>) -> Result<HashMap<&str, Family>, Refusal> {
    ids.sort_unstable();
    ids.dedup();
    let mut families = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(SLICE) {
        if layout::is_split() {
            let found = Spi::connect_mut(|client| layout::find_many(client, ids))?;
            for (id, found) in ids.iter().zip(found) {
                check_for_interrupts();
                if let Some(found) = found {
                    layout::remember(id, &found.root);
                    let parent = found.relative(id, Target::Parent);
                    families.insert(*id, Family::new(&found.root, parent, id));
                }
            }
            continue;
        }
        Spi::connect_mut(|client| {
            let rows = FAMILIES
                .with(|statement| statement.read_by_index(client, &[ids.to_vec().into()]))?;
            for row in rows {
                check_for_interrupts();
                let (Some(id), Some(parent), Some(root)) = (
                    row.get::<&str>(1)?,
                    row.get::<&str>(2)?,
                    row.get::<&str>(3)?,
                ) else {
                    continue;
                };
                // As it stands in the batch, which outlives the row.
                if let Ok(at) = ids.binary_search(&id) {
                    families.insert(ids[at], Family::new(root, parent, id));
                }
            }
            Ok::<_, Refusal>(())
        })?;
    }
    Ok(families)
}

impl Family {
    /// Most runs are their own parent and root, or their parent is their root: a text that is the same is kept once.
    fn new(root: &str, parent: &str, id: &str) -> Self {
        let root: Rc<str> = root.into();
        let known = |text: &str, known: &Rc<str>| match **known == *text {
            true => Rc::clone(known),
            false => text.into(),
        };
        let parent = known(parent, &root);
        let id = known(id, &root);
        Family { root, parent, id }
    }
}
