//! Tracking a number, and no longer.
//!
//! Both lock the table of tracked numbers against each other, so that the trigger on runs is there as long as one is tracked.

use pgrx::datum::Interval;
use pgrx::pg_sys::BuiltinOid::{INT4OID, INTERVALOID, TEXTOID};
use pgrx::spi::SpiClient;
use runmeta_core::Key;

use super::tracked::{self, microseconds};
use crate::refusal::{Refusal, shown};
use crate::run::check_length;
use crate::statement::Statement;

thread_local! {
    static LOCK: Statement = const { Statement::new(include_str!("sql/lock_tracked.sql"), &[]) };
    static TRACK: Statement = const { Statement::new(
        include_str!("sql/track.sql"),
        &[TEXTOID, TEXTOID, INTERVALOID, INT4OID],
    ) };
    static UNTRACK: Statement = const { Statement::new(
        include_str!("sql/untrack.sql"),
        &[TEXTOID, TEXTOID],
    ) };
    static COUNT: Statement = const { Statement::new(include_str!("sql/count_keys.sql"), &[TEXTOID]) };
    static STATE: Statement = const { Statement::new(include_str!("sql/state.sql"), &[]) };
}

const CREATE_TRIGGER: &str = include_str!("sql/create_trigger.sql");
const DROP_TRIGGER: &str = include_str!("sql/drop_trigger.sql");

/// Numbers of one task that can be tracked. Each write of a run looks at each of them, 0.1 µs.
const MAXIMUM_NUMBERS: i64 = 32;
/// Microseconds from a sample to the next: a second and a day.
const EVERY: std::ops::RangeInclusive<i64> = 1_000_000..=86_400_000_000;
/// Samples of a run. Those of 1,000 have 16 kB, which each sample writes anew.
const KEEP: std::ops::RangeInclusive<i32> = 4..=1000;

/// What is to be tracked.
pub struct Tracking<'a> {
    /// The task.
    pub task: &'a str,
    /// Key or path of the number.
    pub key: &'a str,
    /// Time from a sample to the next.
    pub every: Interval,
    /// Samples of a run.
    pub keep: i32,
}

/// Tracks a number, and makes the trigger if it is the first.
///
/// # Errors
///
/// [`Refusal`] for a wrong argument and too many numbers. Errors of Postgres are raised: for a role without rights too.
pub fn track(client: &mut SpiClient<'_>, tracking: Tracking<'_>) -> Result<(), Refusal> {
    check_length("task", tracking.task)?;
    check_length("key", tracking.key)?;
    Key::parse(tracking.key).map_err(|bad| Refusal::BadPath {
        key: shown(tracking.key),
        bad,
    })?;
    if !EVERY.contains(&microseconds(&tracking.every)) {
        return Err(Refusal::OutOfRange {
            argument: "every",
            range: "1 second to 1 day",
        });
    }
    if !KEEP.contains(&tracking.keep) {
        return Err(Refusal::OutOfRange {
            argument: "keep",
            range: "4 to 1000",
        });
    }
    LOCK.with(|statement| statement.run(client, &[]).map(drop))?;
    let arguments = [
        tracking.task.into(),
        tracking.key.into(),
        tracking.every.into(),
        tracking.keep.into(),
    ];
    TRACK.with(|statement| statement.store(client, &arguments, 1))?;
    let count = COUNT.with(|statement| statement.run(client, &[tracking.task.into()]))?;
    if count.first().get_one::<i64>()?.unwrap_or(0) > MAXIMUM_NUMBERS {
        return Err(Refusal::TooManyNumbers {
            task: tracking.task.to_owned(),
            limit: MAXIMUM_NUMBERS,
        });
    }
    settle(client)
}

/// Tracks a number no longer, or none of a task, and removes the trigger with the last one. Returns how many these were.
///
/// # Errors
///
/// Errors of Postgres are raised: for a role without rights too.
pub fn untrack(client: &mut SpiClient<'_>, task: &str, key: Option<&str>) -> Result<i32, Refusal> {
    LOCK.with(|statement| statement.run(client, &[]).map(drop))?;
    let arguments = [task.into(), key.into()];
    let count =
        UNTRACK.with(|statement| Ok::<_, Refusal>(statement.run(client, &arguments)?.len()))?;
    settle(client)?;
    Ok(i32::try_from(count).unwrap_or(i32::MAX))
}

/// Makes or removes the trigger as is needed, and has all sessions read anew what is tracked.
fn settle(client: &mut SpiClient<'_>) -> Result<(), Refusal> {
    let state = STATE.with(|statement| statement.run(client, &[]))?;
    let (is_tracking, has_trigger) = state.first().get_two::<bool, bool>()?;
    match (is_tracking == Some(true), has_trigger == Some(true)) {
        (true, false) => client.update(CREATE_TRIGGER, None, &[]).map(drop)?,
        (false, true) => client.update(DROP_TRIGGER, None, &[]).map(drop)?,
        _ => {}
    }
    tracked::changed();
    Ok(())
}
