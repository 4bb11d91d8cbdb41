//! The demo: a CSV file imported by parallel workers whose progress lives in Postgres.
//!
//! One run stands for the file, a child run for each chunk of its rows. A worker takes a chunk, checks a group of rows,
//! and says so atomically: the chunk's `nextRow` moves on, and the counters of the file grow. Whatever was committed is
//! therefore counted exactly once, and an import that was killed goes on where each chunk's `nextRow` stands.
//!
//! - [`csv_file`] reads a file, [`records`] finds its rows; [`row`] checks one; [`chunk`] splits them.
//! - [`import`] begins or resumes an import; [`turn`] keeps a second one of the same file out.
//! - [`worker`] does the work, at a [`pace`]; [`stop`] ends it early.
//! - [`watch`] follows the import as any program can, beside the workers and knowing nothing of them; [`progress`] shows it.
//! - [`dashboard`] shows it in a browser.
//! - [`report`] tells at the end what the database knows.

pub(crate) mod chunk;
pub(crate) mod csv_file;
pub(crate) mod dashboard;
pub(crate) mod import;
pub(crate) mod pace;
pub(crate) mod progress;
pub(crate) mod records;
pub(crate) mod report;
pub(crate) mod row;
pub(crate) mod stop;
pub(crate) mod turn;
pub(crate) mod watch;
pub(crate) mod worker;
