//! The log of the gateway, on stderr.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, dynamic_filter_fn};
use tracing_subscriber::layer::{Filter, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Log {
    /// An object a line
    Json,
    /// Lines for people
    Text,
    /// Warnings only, for people
    Quiet,
}

/// Between two warnings of the client of the same kind. While the database is away, each client tries again every second.
const QUIET: Duration = Duration::from_secs(60);

/// Writes what the gateway logs to stderr.
pub(super) fn start(log: Log) {
    let level = match log {
        Log::Json | Log::Text => LevelFilter::INFO,
        Log::Quiet => LevelFilter::WARN,
    };
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false);
    let layer = match log {
        Log::Json => layer.json().flatten_event(true).boxed(),
        Log::Text | Log::Quiet => layer.with_ansi(false).boxed(),
    };
    let layer = layer.with_filter(repeated_seldom());
    // Another subscriber than this is set by nobody in the program.
    let _ = tracing_subscriber::registry()
        .with(level)
        .with(layer)
        .try_init();
}

/// Lets each warning of the client pass once a minute.
fn repeated_seldom<S>() -> impl Filter<S> {
    let logged = Mutex::new(HashMap::new());
    dynamic_filter_fn(move |metadata, _| {
        let is_of_client = metadata.target().starts_with("runmeta_client");
        if !is_of_client || *metadata.level() != LevelFilter::WARN {
            return true;
        }
        let now = Instant::now();
        let mut logged = logged.lock().unwrap_or_else(PoisonError::into_inner);
        let last = logged.get(&metadata.callsite());
        let is_due = last.is_none_or(|last: &Instant| now >= *last + QUIET);
        if is_due {
            logged.insert(metadata.callsite(), now);
        }
        is_due
    })
}
