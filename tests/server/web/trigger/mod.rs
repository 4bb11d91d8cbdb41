//! Trigger.dev's published packages against the gateway, unmodified. Their programs are in `tests/npm`.

mod browsers;
mod npm;
mod retrieve;
mod tokens;

use npm::Npm;
