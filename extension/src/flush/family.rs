//! Finding whose documents a batch addresses. Parent and root come from the stored tree, never from the batch.

use std::collections::HashMap;

use pgrx::pg_sys::BuiltinOid::TEXTARRAYOID;
use pgrx::spi::SpiClient;

use super::batch::List;
use crate::refusal::Refusal;
use crate::run::Target;
use crate::statement::Statement;

thread_local! {
    static FAMILIES: Statement = const { Statement::new(
        include_str!("sql/families.sql"),
        &[TEXTARRAYOID],
    ) };
}

/// Returns, for each list, the id of the run whose document it is for; `None` if the run that says it does
/// not exist.
///
/// # Errors
///
/// Errors of Postgres are raised.
pub fn resolve(
    client: &mut SpiClient<'_>,
    lists: &[List<'_>],
) -> Result<Vec<Option<String>>, Refusal> {
    let mut relatives: Vec<&str> = lists
        .iter()
        .filter(|list| list.target != Target::Own)
        .map(|list| list.run)
        .collect();
    relatives.sort_unstable();
    relatives.dedup();
    let mut families = HashMap::with_capacity(relatives.len());
    if !relatives.is_empty() {
        let rows = FAMILIES.with(|statement| statement.run(client, &[relatives.into()]))?;
        for row in rows {
            if let (Some(id), Some(parent), Some(root)) = (
                row.get::<String>(1)?,
                row.get::<String>(2)?,
                row.get::<String>(3)?,
            ) {
                families.insert(id, (parent, root));
            }
        }
    }
    let address = |list: &List<'_>| match list.target {
        Target::Own => Some(list.run.to_owned()),
        Target::Parent => families.get(list.run).map(|(parent, _)| parent.clone()),
        Target::Root => families.get(list.run).map(|(_, root)| root.clone()),
    };
    Ok(lists.iter().map(address).collect())
}
