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

mod docs;
mod dump;
mod grants;
mod pgspot;
mod schema;
