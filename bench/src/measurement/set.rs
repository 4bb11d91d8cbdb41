//! One value of one run in one session.

use std::time::Duration;

use crate::Result;
use crate::line::{Budget, Line, OPERATIONS};
use crate::load::Load;
use crate::race::race;
use crate::server::Server;

const TURN: Duration = Duration::from_millis(500);

/// Measures `set` against an `UPDATE` of the same value that notifies nobody.
pub fn measure(server: &Server) -> Result<Vec<Line>> {
    let ids = ["run 1".to_owned()];
    let ours = Load::open(server.config(), 1, "", include_str!("sql/set.sql"), &ids)?;
    let bare = Load::open(server.config(), 1, "", include_str!("sql/update.sql"), &ids)?;
    let [ours, bare] = race(server, TURN, [&ours, &bare])?;
    Ok(vec![Line::beside(
        "`set`, 1 session, live updates on",
        &ours.rate,
        ("`UPDATE … jsonb_set`, notifies nobody", &bare.rate),
        OPERATIONS,
        Budget::TimesAsFast(0.8),
    )])
}
