//! What can be set, and by whom.
//!
//! The limits protect the database from its writers, so only superusers set them (or roles that were
//! granted `SET ON PARAMETER`, from Postgres 15 on), usually with `ALTER DATABASE … SET`. How changes are announced, and whether lists wait,
//! concerns the session that makes them, so anyone may set that.

use std::time::Duration;

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};

/// How changes are announced to listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
pub enum Notify {
    /// The worker notifies. Where none lives, each transaction does when it commits.
    #[name = c"worker"]
    Worker,
    /// Each transaction notifies when it commits.
    #[name = c"commit"]
    Commit,
    /// Nothing is announced.
    #[name = c"off"]
    Off,
}

/// When lists wait in the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
pub enum Inbox {
    /// While a worker serves the session.
    #[name = c"auto"]
    Auto,
    /// Always: somebody calls `runmeta.fold`.
    #[name = c"on"]
    On,
    /// Never: every write locks its run.
    #[name = c"off"]
    Off,
}

/// The limit of Trigger.dev's metadata too, which is what people come from.
const DEFAULT_MAXIMUM_SIZE: i32 = 256 * 1024;
/// JSONB may need eight bytes for one of text (`[1,1,1]`) and holds at most 256 MiB.
const LARGEST_MAXIMUM_SIZE: i32 = 32 * 1024 * 1024;

static MAXIMUM_SIZE: GucSetting<i32> = GucSetting::<i32>::new(DEFAULT_MAXIMUM_SIZE);
/// Some 250 documents of the default size, or 200,000 operations. One call of each of 100 sessions has 6 GB at the most.
const DEFAULT_MAXIMUM_MEMORY: i32 = 64 * 1024;
/// Less could not hold a document of the default size and its next version.
const SMALLEST_MAXIMUM_MEMORY: i32 = 1024;

static MAXIMUM_MEMORY: GucSetting<i32> = GucSetting::<i32>::new(DEFAULT_MAXIMUM_MEMORY);
static UPDATE_WINDOW: GucSetting<i32> = GucSetting::<i32>::new(3600);
static INBOX: GucSetting<Inbox> = GucSetting::<Inbox>::new(Inbox::Auto);
/// One session makes 5,100 increments a second through the inbox, whatever the size; directly 5,200 in a document of 4 kB,
/// 4,100 in one of 16, 2,300 in one of 64 and 830 in one of 256. WAL of each, its fold included: 0.5 kB, directly 1.4, 5.1,
/// 16 and 61 (`make bench ARGS=curve-sizes`).
static INBOX_THRESHOLD: GucSetting<i32> = GucSetting::<i32>::new(16 * 1024);
static NOTIFY: GucSetting<Notify> = GucSetting::<Notify>::new(Notify::Worker);
/// What a watcher waits for at the most, beside the work. A guess between a second change that needs no notification of its
/// own and a progress bar that moves smoothly.
static WORKER_INTERVAL: GucSetting<i32> = GucSetting::<i32>::new(20);

/// Registers the settings. Called once, when the library is loaded.
pub fn define() {
    GucRegistry::define_int_guc(
        c"runmeta.maximum_size",
        c"Bytes that the metadata of a run may have as compact JSON.",
        c"A write that would pass it is refused. One that makes a document smaller never is.",
        &MAXIMUM_SIZE,
        2,
        LARGEST_MAXIMUM_SIZE,
        GucContext::Suset,
        GucFlags::UNIT_BYTE,
    );
    GucRegistry::define_int_guc(
        c"runmeta.maximum_memory",
        c"Memory that a call of a function may use.",
        c"A call that needs more is refused and changes nothing.",
        &MAXIMUM_MEMORY,
        SMALLEST_MAXIMUM_MEMORY,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_KB,
    );
    GucRegistry::define_int_guc(
        c"runmeta.update_window",
        c"How long a finished run takes writes.",
        c"-1 means for ever.",
        &UPDATE_WINDOW,
        -1,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_S,
    );
    GucRegistry::define_enum_guc(
        c"runmeta.inbox",
        c"When lists wait in the inbox to be folded, instead of locking their run.",
        c"auto: while a background worker lives. on: always, and somebody calls runmeta.fold. off: never.",
        &INBOX,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"runmeta.inbox_threshold",
        c"Bytes of metadata from which a run's own small operations wait in the inbox.",
        c"Below it each write rewrites the document, and from it on one write does for many lists. -1 means never.",
        &INBOX_THRESHOLD,
        -1,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_BYTE,
    );
    GucRegistry::define_enum_guc(
        c"runmeta.notify",
        c"How changes are announced on the channel runmeta.",
        c"worker: the background worker notifies. commit: each transaction notifies when it commits. off: nobody does.",
        &NOTIFY,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"runmeta.worker_interval",
        c"Time from a change until the background worker announces it.",
        c"Changes of this time are announced together, and lists that wait are folded together.",
        &WORKER_INTERVAL,
        1,
        10_000,
        GucContext::Sighup,
        GucFlags::UNIT_MS,
    );
}

/// Returns the bytes that a document may have.
pub fn maximum_size() -> usize {
    usize::try_from(MAXIMUM_SIZE.get()).unwrap_or(0)
}

/// Returns the bytes of memory that a call may use.
pub fn maximum_memory() -> usize {
    usize::try_from(MAXIMUM_MEMORY.get()).map_or(0, |kilobytes| kilobytes.saturating_mul(1024))
}

/// Returns the seconds for which a finished run takes writes, or `None` for ever.
pub fn update_window() -> Option<i32> {
    Some(UPDATE_WINDOW.get()).filter(|seconds| *seconds >= 0)
}

/// Returns when lists wait in the inbox.
pub fn inbox() -> Inbox {
    INBOX.get()
}

/// Returns the bytes of a document from which a run's own small operations are queued. `None` if they never are.
pub fn inbox_threshold() -> Option<i32> {
    Some(INBOX_THRESHOLD.get()).filter(|bytes| *bytes >= 0)
}

/// Returns how changes are announced.
pub fn notify() -> Notify {
    NOTIFY.get()
}

/// Returns the time from a change until it is announced.
pub fn worker_interval() -> Duration {
    Duration::from_millis(WORKER_INTERVAL.get().unsigned_abs().into())
}
