//! Brings a database to the schema that runmeta needs, and says what it would do.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let (mut client, connection) = tokio_postgres::connect("postgres:///app", tokio_postgres::NoTls).await?;
//! # let connection = async { connection.await };
//! # let _ = connection;
//! let report = runmeta_migrations::migrate(&mut client).await?;
//! println!("{report}");
//! # Ok(())
//! # }
//! ```
//!
//! - Everything happens in one transaction: the extension, the tables, the roles
//!   and the rights are all there afterwards, or nothing has changed.
//! - Programs that migrate one database at the same time wait for each other; the
//!   later ones find nothing to do.
//! - Nothing is run by an unqualified name, and a schema that somebody else made
//!   first is refused.
//!
//! The SQL is in `sql/`: `V1__….sql` and what follows are applied once, by
//! [refinery](https://docs.rs/refinery); `roles_and_grants.sql` is looked at each time. `split.sql`, `partition.sql`
//! and `citus.sql` lay out the tables otherwise, for [`distribute`](distribute()).

mod distribute;
mod embedded;
mod error;
mod extension;
mod history;
mod migrate;
mod node;
mod plan;
mod schema;
mod server;
mod status;
mod transaction;
mod version;

pub use distribute::{Distribution, Layout, distribute, distribution};
pub use error::Error;
pub use extension::{Extension, ExtensionStep, MINIMUM_EXTENSION};
pub use history::Applied;
pub use migrate::{Report, migrate};
pub use node::{Node, nodes};
pub use plan::{Plan, plan};
pub use status::{MigrationStatus, Status, status};
pub use version::Version;
