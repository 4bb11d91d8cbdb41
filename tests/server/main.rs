//! Everything that needs a real server, one file a topic.
//!
//! `make test` starts the server. Each test has a database of its own:
//!
//! ```ignore
//! let database = Database::new().await;
//! let client = database.connect().await;
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod harness;

mod activity;
mod adapter;
mod agreement;
mod attack;
mod attempts;
mod chaos;
mod citus;
mod cli;
mod cli_live;
mod client_connections;
mod client_examples;
mod client_faults;
mod client_laws;
mod client_locks;
mod client_pgbouncer;
mod client_runs;
mod client_server_lost;
mod client_streams;
mod client_testing;
mod client_watch;
mod conformance;
mod contract;
mod demo;
mod distributed;
mod docs;
mod doctor;
mod dump;
mod duplicates;
mod errors;
mod families;
mod floor;
mod flush;
mod flush_order;
mod flush_races;
mod flush_starts;
mod grants;
mod history;
mod hostile;
mod inbox;
mod indexes;
mod layout;
mod limits;
mod memory;
mod migrate;
mod misuse;
mod notify;
mod operations;
mod pgspot;
mod planted;
mod progress;
mod prune;
mod prune_races;
mod reading;
mod reports;
mod rights;
mod roles;
mod rollup;
mod schema;
mod shards;
mod streams;
mod stuck_run;
mod task_summary;
mod tls;
mod web;
mod worker;
