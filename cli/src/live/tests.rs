//! How runs look, in terminals of several widths and where there is none.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::family::{Member, family};
use super::follow::Follow;
use super::line::Line;
use super::plain::{plain, plain_log};
use super::run::Run;
use super::view::{Now, view};

/// When the runs of these tests started.
fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn run(id: &str, status: &str, metadata: Value) -> Run {
    Run {
        id: id.to_owned(),
        status: status.to_owned(),
        attempt: 1,
        started: Some(start()),
        metadata,
        ..Run::default()
    }
}

fn child(id: &str, status: &str, metadata: Value) -> Run {
    Run {
        parent: Some("nightly".to_owned()),
        ..run(id, status, metadata)
    }
}

fn finished(run: Run) -> Run {
    Run {
        finished: Some(start() + Duration::from_secs(60)),
        ..run
    }
}

/// Follows a run whose counters stood at a fifth ten seconds ago.
fn followed(run: &Run) -> (Follow, Now) {
    let (mut follow, begin) = (Follow::default(), Instant::now());
    let now = Now {
        instant: begin + Duration::from_secs(10),
        time: start() + Duration::from_secs(72),
    };
    let mut before = run.metadata.clone();
    for value in before
        .as_object_mut()
        .into_iter()
        .flat_map(|document| document.values_mut())
    {
        if let Some(number) = value.as_f64() {
            *value = json!(number / 5.0);
        }
    }
    let total = |document: &mut Value| {
        for (key, value) in run.metadata.as_object().into_iter().flatten() {
            if key.contains("otal") {
                document[key] = value.clone();
            }
        }
    };
    total(&mut before);
    let before = Run {
        metadata: before,
        ..run.clone()
    };
    follow.see(&before, begin);
    follow.see(run, now.instant);
    (follow, now)
}

fn import() -> Run {
    let metadata = json!({
        "progress": 0.5, "totalRows": 3_376, "processedRows": 1_700, "step": "checking rows", "invalid": 2, "user": {"name": "Eric"},
        "logs": ["row 3: city is NA", "row 7: city is missing", {"message": "row 9: lat 91 is out of range"}],
    });
    Run {
        attempt: 2,
        ..run("import-42", "running", metadata)
    }
}

fn text(lines: &[Line]) -> String {
    lines.iter().map(Line::plain).collect::<Vec<_>>().join("\n")
}

fn shown(run: &Run, columns: usize) -> String {
    let (follow, now) = followed(run);
    text(&view(run, &follow, now, columns, 24))
}

#[test]
fn run_in_a_terminal() {
    assert_snapshot!(shown(&import(), 80), @"
    import-42  running  attempt 2  1 min 12 s
    progress  ━━━━━━━━━━━━━━━───────────────  50 %  12 s left
    rows      ━━━━━━━━━━━━━━━───────────────  50 %  1,700 of 3,376  136/s  12 s left
    invalid   2
    step      checking rows
    row 3: city is NA
    row 7: city is missing
    row 9: lat 91 is out of range
    ");
}

#[test]
fn run_in_thirty_columns() {
    assert_snapshot!(shown(&import(), 30), @"
    import-42
    running  attempt 2  1 min 12 s
    progress  ━━━━━━━───────  50 %
    rows      ━━━━━━━───────  50 %
    invalid   2
    step      checking rows
    row 3: city is NA
    row 7: city is missing
    row 9: lat 91 is out of range
    ");
}

#[test]
fn run_without_progress_shows_its_values() {
    let run = finished(run(
        "deploy",
        "failed",
        json!({"step": "upload", "error": null, "files": [1]}),
    ));
    assert_snapshot!(shown(&run, 30), @"
    deploy  failed  1 min
    step  upload
    ");
}

#[test]
fn run_whose_texts_are_wide_and_hostile() {
    let metadata = json!({"progress": 40, "進捗": "データ\u{1b}[2J", "log": ["一行目のログはとても長いのでここで切れます"]});
    assert_snapshot!(shown(&run("取り込み\u{202e}", "実行中", metadata), 30), @r"
    取り込み\u202e
    実行中  1 min 12 s
    progress  ━━━━━╸────────  40 %
    進捗      データ\u001b[2J
    一行目のログはとても長いので…
    ");
}

#[test]
fn queued_and_deleted_runs_have_no_time() {
    let queued = Run {
        started: None,
        ..run("import", "queued", json!({}))
    };
    assert_snapshot!(shown(&queued, 30), @"import  queued");
    assert_snapshot!(shown(&Run { gone: true, ..queued }, 30), @"import  deleted");
}

fn tree() -> Vec<Run> {
    vec![
        run(
            "nightly",
            "running",
            json!({"processedChunks": 1, "totalChunks": 4}),
        ),
        finished(child(
            "nightly/chunk-1",
            "completed",
            json!({"done": 100, "total": 100}),
        )),
        child(
            "nightly/chunk-2",
            "running",
            json!({"done": 50, "total": 100}),
        ),
        Run {
            attempt: 3,
            ..child(
                "mail the result to everyone",
                "waiting for approval",
                json!({}),
            )
        },
        child("nightly/chunk-4", "queued", json!({})),
    ]
}

fn tree_shown(runs: &[Run], columns: usize, rows: usize) -> String {
    let followed: Vec<(Follow, Now)> = runs.iter().map(followed).collect();
    let members = runs.iter().zip(&followed).map(|(run, (follow, _))| Member {
        run,
        depth: usize::from(run.parent.is_some()),
        follow,
    });
    // The runs were all seen at the same time, or nearly so.
    let now = followed.last().map_or_else(Now::get, |(_, now)| *now);
    text(&family(&members.collect::<Vec<_>>(), now, columns, rows))
}

#[test]
fn tree_in_a_terminal() {
    assert_snapshot!(tree_shown(&tree(), 80, 24), @"
    nightly                        running    ━━━──────────  25 %  1/4  37 s left
      …/chunk-1                    completed  ━━━━━━━━━━━━━ 100 %  100 of 100
      …/chunk-2                    running    ━━━━━━╸──────  50 %  50/100  12 s left
      mail the result to everyone  waiting for approval (attempt 3)
      …/chunk-4                    queued
    ");
}

#[test]
fn tree_in_thirty_columns() {
    assert_snapshot!(tree_shown(&tree(), 30, 24), @"
    nightly          ━╸─────  25 %
      …/chunk-1      completed
      …/chunk-2      ━━━╸───  50 %
      mail the res…  waiting for …
      …/chunk-4      queued
    ");
}

#[test]
fn tree_that_is_higher_than_the_terminal_keeps_what_is_not_over() {
    let mut runs = tree();
    runs.extend(
        (5..90).map(|n| finished(child(&format!("nightly/chunk-{n}"), "completed", json!({})))),
    );
    assert_snapshot!(tree_shown(&runs, 50, 6), @"
    nightly                    ━━━─────────  25 %  1/4
      …/chunk-1                completed
      …/chunk-2                ━━━━━━──────  50 %
      mail the result to eve…  waiting for approval (…
      …/chunk-4                queued
    … 85 more: 85 completed
    ");
}

#[test]
fn change_where_there_is_no_terminal() {
    let (follow, now) = followed(&import());
    assert_snapshot!(plain(&import(), &follow, now), @"import-42  running (attempt 2)  progress 50 %  12 s left  rows 50 %  1,700 of 3,376  136/s  12 s left");
    let before = run(
        "import-42",
        "running",
        json!({"logs": ["row 3: city is NA"]}),
    );
    assert_snapshot!(plain_log(Some(&before), &import()).join("\n"), @"
    row 7: city is missing
    row 9: lat 91 is out of range
    ");
}

#[test]
fn no_line_is_wider_or_higher_than_the_terminal() {
    let mut runs = tree();
    runs.push(import());
    runs.push(run(
        "進捗".repeat(40).as_str(),
        "実行中",
        json!({"進捗Progress": 3, "x": "データ".repeat(30), "log": ["行".repeat(99)]}),
    ));
    for columns in 0..130 {
        for rows in [0, 1, 3, 24] {
            let followed: Vec<(Follow, Now)> = runs.iter().map(followed).collect();
            let mut drawings: Vec<Vec<Line>> = Vec::new();
            for (run, (follow, now)) in runs.iter().zip(&followed) {
                drawings.push(view(run, follow, *now, columns, rows));
            }
            let members = runs.iter().zip(&followed).map(|(run, (follow, _))| Member {
                run,
                depth: 1,
                follow,
            });
            let members: Vec<Member<'_>> = members.collect();
            drawings.push(family(&members, followed[0].1, columns, rows));
            for lines in drawings {
                assert!(lines.len() <= rows, "{rows} rows:\n{}", text(&lines));
                for line in lines {
                    assert!(
                        line.width() <= columns,
                        "{columns} columns: {}",
                        line.plain()
                    );
                }
            }
        }
    }
}
