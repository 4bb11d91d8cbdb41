//! Reading what was recorded, and what others wrote.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::{client_of, milliseconds, start, threads, with_client};
use crate::settings::Settings;
use crate::testing::faults::FaultyServer;
use crate::{NewRun, metadata};

#[test]
fn a_read_shows_what_was_recorded_while_a_flush_is_under_way() {
    with_client(async |_, client| {
        let run = start(&client, "a").await;
        let metadata = run.metadata();
        metadata.increment("n", 0.1);
        tokio::task::yield_now().await;
        metadata.increment("n", 0.2);
        assert_eq!(metadata.get::<f64>("n"), Some(0.3));
        metadata.flush().await.unwrap();
        assert_eq!(metadata.get::<f64>("n"), Some(0.3));
        for _ in 0..200 {
            metadata.increment("n", 0.1);
        }
        assert_eq!(metadata.get::<String>("n"), None);
        assert_eq!(metadata.get::<f64>("n"), Some(20.3));
        assert_eq!(metadata.get::<f64>("$.no.such[0].path"), None);
    });
}

#[test]
fn the_local_document_follows_another_writer_and_keeps_what_is_not_yet_sent() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let metadata = run.metadata();
        metadata.increment("n", 1).flush().await.unwrap();
        assert_eq!(metadata.get::<u8>("n"), Some(1));
        server.write("a", &json!({"type": "increment", "key": "n", "value": 100}));
        metadata.increment("n", 1).flush().await.unwrap();
        metadata.increment("n", 1);
        milliseconds(1).await;
        metadata.increment("n", 1);
        assert_eq!(metadata.get::<u8>("n"), Some(104));
        server.write("a", &json!({"type": "set", "key": "n", "value": 50}));
        metadata.increment("n", 1);
        metadata.refresh().await.unwrap();
        assert_eq!(metadata.get::<u8>("n"), Some(53));
        metadata.flush().await.unwrap();
        assert_eq!(server.document("a"), json!({"n": 53}));
    });
}

#[test]
fn a_parent_is_read_through_its_children_and_its_own_handle_alike() {
    with_client(async |_, client| {
        let parent = client
            .start(NewRun::new("parent").metadata(json!({"rows": 5})))
            .await
            .unwrap();
        let child = client
            .start(NewRun::new("child").parent("parent"))
            .await
            .unwrap();
        child.metadata().parent().increment("rows", 1);
        assert_eq!(parent.metadata().get::<u8>("rows"), Some(6));
        assert_eq!(child.metadata().root().get::<u8>("rows"), Some(6));
        assert_eq!(child.metadata().current(), Some(json!({})));
        assert_eq!((child.parent_id(), child.root_id()), ("parent", "parent"));
        assert_eq!((parent.parent_id(), parent.root_id()), ("parent", "parent"));
    });
}

#[test]
fn a_document_that_nobody_reads_stays_small_where_another_writer_keeps_it_so() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let metadata = run.metadata();
        for round in 0..2000 {
            metadata
                .append("log", "x".repeat(1000))
                .flush()
                .await
                .unwrap();
            assert_eq!(server.document("a")["log"].as_array().unwrap().len(), 1);
            server.write("a", &json!({"type": "set", "key": "log", "value": []}));
            if round == 100 {
                // What was sent is seen, whatever became of it since.
                assert!(!metadata.get::<Vec<String>>("log").unwrap().is_empty());
            }
        }
        assert!(metadata.current().unwrap().to_string().len() < 2 * 262_144);
    });
}

/// Records something about itself while it is read.
struct Recording;

impl<'de> Deserialize<'de> for Recording {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        metadata::increment("reads", 1);
        assert!(metadata::get::<u8>("reads").is_some());
        IgnoredAny::deserialize(deserializer).map(|_| Recording)
    }
}

#[test]
fn what_is_read_may_record_something_meanwhile() {
    let (done, wait) = mpsc::channel();
    // On a thread of its own: the failure would be a lock that is never released.
    thread::spawn(move || {
        with_client(async |server, client| {
            let run = start(&client, "a").await;
            run.scope(async {
                metadata::set("n", 1);
                assert!(metadata::get::<Recording>("n").is_some());
                assert!(metadata::typed::<Recording>().unwrap().is_some());
                assert_eq!(metadata::get::<u8>("reads"), Some(2));
            })
            .await;
            assert_eq!(server.document("a"), json!({"n": 1, "reads": 2}));
        });
        done.send(()).unwrap();
    });
    wait.recv_timeout(Duration::from_secs(60)).unwrap();
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Import {
    started: DateTime<Utc>,
    progress: f64,
    users: Vec<User>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
}

#[test]
fn typed_metadata_goes_both_ways_with_dates_as_iso_strings() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        let import = Import {
            started: "2026-02-03T04:05:06.789Z".parse().unwrap(),
            progress: 0.25,
            users: vec![User {
                name: "Eric".to_owned(),
            }],
            rest: BTreeMap::from([("rows".to_owned(), json!(12.50))]),
        };
        run.metadata().replace(&import).flush().await.unwrap();
        assert_eq!(server.document("a")["started"], "2026-02-03T04:05:06.789Z");
        run.metadata().refresh().await.unwrap();
        assert_eq!(run.metadata().typed::<Import>().unwrap(), import);
    });
}

#[test]
fn typed_metadata_that_does_not_fit_names_the_path() {
    with_client(async |_, client| {
        let run = start(&client, "a").await;
        run.metadata()
            .set("list", json!([{"name": "Eric"}, {"name": 7}]));
        #[derive(Debug, Deserialize)]
        #[expect(dead_code, reason = "it cannot be read")]
        struct Typed {
            list: Vec<User>,
        }
        let error = run.metadata().typed::<Typed>().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the metadata does not fit at \"list[1].name\": "),
            "{error}"
        );
    });
}

#[test]
fn reads_have_their_turn_beside_flushes_without_end() {
    threads(2).block_on(async {
        let server = FaultyServer::default();
        let client = client_of(&server, Settings::default());
        let flushing: Vec<_> = [start(&client, "a").await, start(&client, "b").await]
            .into_iter()
            .map(|run| {
                tokio::spawn(async move {
                    loop {
                        run.metadata().increment("n", 1).flush().await.unwrap();
                    }
                })
            })
            .collect();
        for id in 0..20 {
            start(&client, &id.to_string()).await;
        }
        flushing.iter().for_each(|task| task.abort());
    });
}

#[test]
fn number_beyond_a_float_is_a_text_in_the_whole_document_and_hides_nothing_else() {
    with_client(async |server, client| {
        let run = start(&client, "a").await;
        run.metadata()
            .increment("n", f64::MAX)
            .increment("n", f64::MAX)
            .set("m", 1);
        let current = run.metadata().current().unwrap();
        assert_eq!(current["m"], 1);
        assert!(
            current["n"]
                .as_str()
                .unwrap()
                .starts_with("35953862697246314")
        );
        run.metadata().flush().await.unwrap();
        assert_eq!(server.document("a"), current);
    });
}
