//! The peak of a backend's private memory in one statement: a flush of 4,000 documents of 262 kB against the bare `UPDATE`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, thread};

use crate::Result;
use crate::figures::Figures;
use crate::line::{Budget, Line, Unit};
use crate::server::Server;
use crate::session::Session;

/// Measures megabytes above those of the session before. The server has to be on this machine.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    server
        .session()
        .run(include_str!("sql/memory/documents.sql"))?;
    let session = Session::open(server.config())?;
    // What loading the library and planning takes is no part of it.
    session.run(include_str!("sql/memory/warm_up.sql"))?;
    let ours = peak(&session, include_str!("sql/memory/flush.sql"))?;
    let theirs = peak(&session, include_str!("sql/memory/update.sql"))?;
    Ok(vec![Line::beside(
        "peak memory of a `flush`, 4,000 documents of 262 kB",
        &Figures::once(ours),
        ("`UPDATE … jsonb_set` of as many", &Figures::once(theirs)),
        Unit::Cost("MB"),
        Budget::AtMost(64.0),
    )])
}

fn peak(session: &Session, statement: &str) -> Result<f64> {
    let process: i32 = session.value(include_str!("sql/memory/process.sql"), &[])?;
    let status = format!("/proc/{process}/status");
    let before = private_memory(&status).ok_or("this system has no /proc")?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    // Samples: the peak that the kernel keeps counts shared memory too.
    let watcher = thread::spawn(move || {
        let mut most = before;
        while !stopped.load(Ordering::Relaxed) {
            most = most.max(private_memory(&status).unwrap_or(0));
            thread::sleep(Duration::from_millis(1));
        }
        most
    });
    let done = session.run(statement);
    stop.store(true, Ordering::Relaxed);
    let most = watcher.join().map_err(|_| "the sampler panicked")?;
    done?;
    Ok((most - before) as f64 / 1024.0)
}

/// Returns the kilobytes of a process that no other process shares.
fn private_memory(status: &str) -> Option<u64> {
    let status = fs::read_to_string(status).ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
