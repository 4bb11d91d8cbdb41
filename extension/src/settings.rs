//! What can be set, and by whom.
//!
//! The limits protect the database from its writers, so only superusers set them (or roles that were
//! granted `SET ON PARAMETER`, from Postgres 15 on), usually with `ALTER DATABASE … SET`. How changes are announced
//! concerns the session that makes them, so anyone may set that.

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};

/// How changes are announced to listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
pub enum Notify {
    /// Each transaction notifies when it commits.
    #[name = c"commit"]
    Commit,
    /// Nothing is announced.
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
/// To be measured.
static INBOX_THRESHOLD: GucSetting<i32> = GucSetting::<i32>::new(16 * 1024);
static STUB_WORKER: GucSetting<bool> = GucSetting::<bool>::new(false);
static NOTIFY: GucSetting<Notify> = GucSetting::<Notify>::new(Notify::Commit);

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
    GucRegistry::define_int_guc(
        c"runmeta.inbox_threshold",
        c"Bytes of metadata from which a run's own small operations wait in the inbox.",
        c"Below it each write rewrites the document, and from it on one write does for many lists.",
        &INBOX_THRESHOLD,
        0,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_BYTE,
    );
    GucRegistry::define_bool_guc(
        c"runmeta.stub_worker",
        c"Whether a worker lives.",
        c"",
        &STUB_WORKER,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_enum_guc(
        c"runmeta.notify",
        c"How changes are announced on the channel runmeta.",
        c"commit: each transaction notifies when it commits. off: it does not.",
        &NOTIFY,
        GucContext::Userset,
        GucFlags::default(),
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

/// Returns the bytes of a document from which a run's own small operations are queued.
pub fn inbox_threshold() -> i32 {
    INBOX_THRESHOLD.get()
}

/// Returns true if a worker is taken to live.
pub fn stub_worker() -> bool {
    STUB_WORKER.get()
}

/// Returns how changes are announced.
pub fn notify() -> Notify {
    NOTIFY.get()
}
