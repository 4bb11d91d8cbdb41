//! What every test needs: a database, the server's programs, and an error in a form that can be compared.

mod citus;
mod cluster;
mod database;
mod impostor;
mod layout;
mod listener;
mod load;
mod own_cluster;
mod own_server;
mod peak;
mod pgbouncer;
mod printing;
mod program;
mod proxy;
mod refusal;
mod role;
mod rows;
mod seed;
mod tls_server;
mod waiting;

pub use cluster::Cluster;
pub use database::Database;
pub use impostor::Impostor;
pub use layout::{by_hand, by_hand_sql, delete_by_hand, is_citus, is_partitioned, is_split};
pub use listener::Listener;
pub use load::{assert_complete, load};
pub use own_cluster::OwnCluster;
pub use own_server::OwnServer;
pub use peak::Peak;
pub use pgbouncer::PgBouncer;
pub use printing::Printing;
pub use program::{merged_output, postgres_program, repository};
pub use proxy::Proxy;
pub use refusal::refusal;
pub use role::Role;
pub use rows::rows;
pub use seed::seeded;
pub use tls_server::{HOST, TlsServer};
pub use waiting::{
    process, until, until_one_waits, until_waiting, until_worker_runs, waiting_sessions,
};

/// Reads a variable that `scripts/with-cluster` sets.
fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: run `make test`, or `scripts/with-cluster cargo test -p runmeta-tests` for these tests alone"
        )
    })
}
