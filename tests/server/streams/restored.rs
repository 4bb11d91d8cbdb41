//! Streams come back with a dump.

use super::{append, family, run};
use crate::dump::dump_and_restore;
use crate::harness::Database;

#[tokio::test]
async fn dump_brings_streams_back_and_numbers_go_on() {
    let (original, client) = family().await;
    append(&client, "logs", r#"["ü", 1e400, {"a": [null]}]"#).await;
    run(&client, "SELECT runmeta.stream_append('top', 'logs', (SELECT jsonb_agg(i || repeat('x', 500)) FROM generate_series(1, 50) AS i))").await;
    append(&client, "logs", r#"["tail"]"#).await;
    run(&client, "SELECT runmeta.stream_append('child', 'closed', '[1]'); SELECT runmeta.stream_close('child', 'closed', 'e')").await;
    let restored = Database::empty().await;
    dump_and_restore(&original, &[], &restored).unwrap();
    let copy = restored.connect().await;
    for content in [
        "SELECT row_to_json(s) FROM runmeta.stream AS s ORDER BY run_id, name",
        "SELECT row_to_json(k) FROM runmeta.stream_chunk AS k ORDER BY run_id, stream, first",
        "SELECT number, chunk FROM runmeta.stream_read('top', 'logs')",
        "SELECT polrelid::regclass, polname, pg_get_expr(polqual, polrelid) FROM pg_policy ORDER BY polrelid::regclass::text",
        "SELECT attname, attstorage, attcompression FROM pg_attribute WHERE attrelid = 'runmeta.stream_chunk'::regclass ORDER BY attnum",
        "SELECT attname, attstorage FROM pg_attribute WHERE attrelid = 'runmeta.stream'::regclass ORDER BY attnum",
    ] {
        assert_eq!(
            run(&copy, content).await,
            run(&client, content).await,
            "{content}"
        );
    }
    assert_eq!(append(&copy, "logs", r#"["next"]"#).await, "54");
    let writer = restored.connect_as("runmeta_writer").await;
    assert_eq!(append(&writer, "logs", "[1]").await, "55");
    assert_eq!(
        run(
            &writer,
            "SELECT count(*) FROM runmeta.stream_read('top', 'logs')"
        )
        .await,
        "56"
    );
}
