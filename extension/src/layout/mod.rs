//! How the tables are laid out, and so how a run is found.
//!
//! - *Plain*: each table is one. A run is found by its id, which an index keeps unique.
//! - *Split*: where there is the table `runmeta.run_root`, runs lie in parts by the root of their tree, in partitions or on several
//!   servers. There an index keeps ids unique within a part only, and a statement that names an id alone would look into each part.
//!   So `run_root` has the root and the parent of each run by its id and keeps ids unique, and whatever reads or writes a run has its
//!   root in the statement.
//! - *Distributed*: the split layout where Citus has the parts, its shards, on several servers. Rows are locked shard by shard, and
//!   nothing waits in the inbox: the counters that spare reads a look into it are those of one server.
//!
//! [`known`] finds out which it is, [`shards`] where the runs of a tree are, [`roots`] reads and writes `run_root`, [`remembered`]
//! keeps what a session has read there, [`by_root`] is a statement for both, [`lock_timeout`] has the nodes wait no longer than the
//! session would, [`two_phases`] has them commit together, and [`commits`] awaits those that have not yet.

mod by_root;
mod commits;
mod known;
mod lock_timeout;
mod remembered;
mod roots;
mod shards;
mod two_phases;

pub use by_root::ByRoot;
pub use commits::appear;
pub use known::{check_unchanged, is_split};
pub use lock_timeout::send_lock_timeout;
pub use remembered::{remember, remembered};
pub use roots::{
    Found, Registering, by_shard, find, find_many, forget_trees, register, register_many, relative,
    relatives, root_for_reader,
};
pub use shards::{Shards, is_distributed};
pub use two_phases::{Access, before};

/// Returns numbers that are others when the layout has changed, as far as the session has learnt of it.
pub fn changes() -> (u64, u64) {
    (known::changes(), shards::changes())
}
