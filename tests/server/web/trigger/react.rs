//! The React hooks in a real browser.

use serde_json::Value;

use super::super::Web;
use super::super::browser::chromium;
use super::Npm;
use super::npm::values;
use crate::harness::Database;

#[tokio::test]
async fn bar_grows_in_the_browser_and_words_appear() {
    let database = Database::new().await;
    let db = database.connect().await;
    db.batch_execute("SELECT runmeta.start('import', '{\"progress\": 0.1}')")
        .await
        .unwrap();
    let web = Web::start(&database).await;
    let token = web.token(&["read:runs:import"]);
    let arguments = ["import", &*token, &*chromium()];
    let page = Npm::start(&web, "react.mjs", &arguments).await;
    page.until("\"value\":0.1").await;
    for progress in ["0.3", "0.6", "0.9"] {
        let set = format!("SELECT runmeta.set('import', 'progress', '{progress}')");
        db.batch_execute(&set).await.unwrap();
        page.until(&format!("\"value\":{progress}")).await;
    }
    for (words, seen) in [
        ("[{\"word\": \"one\"}]", "\"one\""),
        ("[{\"word\": \"end\"}]", "\"one end\""),
    ] {
        let append = format!("SELECT runmeta.stream_append('import', 'words', '{words}')");
        db.batch_execute(&append).await.unwrap();
        page.until(&format!("\"words\":{seen}")).await;
    }
    db.batch_execute("SELECT runmeta.finish('import')")
        .await
        .unwrap();
    let output = page.finish().await;
    let shown = values(&output, "shown");
    let bars: Vec<f64> = shown
        .iter()
        .filter_map(|shown| shown["value"].as_f64())
        .collect();
    assert!(bars.is_sorted(), "{output}");
    let widths = shown.iter().filter_map(|shown| shown["width"].as_f64());
    assert!(
        widths.fold(0.0, f64::max) > 50.0,
        "the bar is visible: {output}"
    );
    let last = shown.last().unwrap();
    assert_eq!(last["text"], "COMPLETED", "{output}");
    assert_eq!(values(&output, "error"), Vec::<Value>::new(), "{output}");
}
