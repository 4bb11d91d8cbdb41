//! The SQL functions, a file each. Their declarations are in `sql/`, in files of the same names.

mod append;
mod apply;
mod apply_operations;
mod del;
mod deliver;
mod finish;
mod flush;
mod fold;
mod follow;
mod increment;
mod merge;
mod number_at;
mod private;
mod prune;
mod prune_streams;
mod remove;
mod replace;
mod set;
mod set_status;
mod size;
mod start;
mod stream_append;
mod stream_close;
mod unapplied_operations;
