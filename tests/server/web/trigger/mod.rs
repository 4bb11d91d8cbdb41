//! Trigger.dev's published packages against the gateway, unmodified. Their programs are in `tests/npm`.

mod browsers;
mod documented;
mod list;
mod npm;
mod react;
mod retries;
mod retrieve;
mod streams;
mod subscribe;
mod tokens;
mod worker;

use npm::Npm;
