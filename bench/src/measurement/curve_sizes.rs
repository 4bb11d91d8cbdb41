//! The curve of throughput against the size of the document, for small operations that are applied at once and for those
//! that wait in the inbox: where `runmeta.inbox_threshold` should be.

use std::time::Duration;

use crate::Result;
use crate::line::{Budget, Line, OPERATIONS};
use crate::load::Load;
use crate::measurement::document::add_document;
use crate::race::race;
use crate::server::Server;

const BYTES: [usize; 7] = [100, 1000, 4000, 16_000, 64_000, 128_000, 256_000];
const TURN: Duration = Duration::from_millis(250);
const NEVER: &str = "SET runmeta.inbox_threshold = -1";
const ALWAYS: &str = "SET runmeta.inbox_threshold = 0";

/// Measures `increment` in one session, through the inbox against directly.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    if !server
        .session()
        .value::<bool>(include_str!("sql/curve_sizes/has_setting.sql"), &[])?
    {
        return Ok(lines);
    }
    for bytes in BYTES {
        let runs = [format!("direct {bytes}"), format!("queued {bytes}")];
        for run in &runs {
            add_document(server, run, bytes)?;
        }
        let open = |settings, run| {
            let increment = include_str!("sql/increment.sql");
            Load::open(
                server.config(),
                1,
                settings,
                increment,
                std::slice::from_ref(run),
            )
        };
        let [direct, queued] = &runs;
        let (direct, queued) = (open(NEVER, direct)?, open(ALWAYS, queued)?);
        let [direct, queued] = race(server, TURN, [&direct, &queued])?;
        let name = format!("`increment` through the inbox, bytes of the document: {bytes}");
        lines.push(Line::beside(
            &name,
            &queued.rate,
            ("directly", &direct.rate),
            OPERATIONS,
            Budget::None,
        ));
        lines.push(queued.wal_beside(&name, ("directly", &direct)));
    }
    Ok(lines)
}
