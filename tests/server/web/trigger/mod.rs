//! Trigger.dev's published packages against the gateway, unmodified. Their programs are in `tests/npm`.

mod browsers;
mod npm;
mod react;
mod retrieve;
mod streams;
mod subscribe;
mod tokens;

use npm::Npm;
