//! What a query returns, as text.

use tokio_postgres::{Client, SimpleQueryMessage};

/// Runs statements and returns the rows of them all, a line each, values parted by ` | `.
pub async fn rows(client: &Client, sql: &str) -> String {
    let messages = match client.simple_query(sql).await {
        Ok(messages) => messages,
        Err(error) => panic!("{sql}: {error:?}"),
    };
    let lines: Vec<String> = messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                let values = (0..row.len()).map(|column| row.get(column).unwrap_or("NULL"));
                Some(values.collect::<Vec<_>>().join(" | "))
            }
            _ => None,
        })
        .collect();
    lines.join("\n")
}
