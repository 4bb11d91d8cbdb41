//! Streams against the server in memory.

mod laws;
mod reading;
mod writing;

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::testing::faults::FaultyServer;
use crate::{Error, Metadata};

/// A stream of what an iterator gives.
struct Items<I>(I);

impl<I: Iterator + Unpin> Stream for Items<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

fn chunks(server: &FaultyServer, run: &str, stream: &str) -> Vec<String> {
    let chunks = server.database.chunks(run, stream).unwrap_or_default();
    chunks.iter().map(|chunk| chunk.to_string()).collect()
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

async fn push_numbers(metadata: &Metadata, stream: &str, count: usize) -> Result<u64, Error> {
    let mut writer = metadata.stream_writer(stream);
    for number in 0..count {
        writer.push(number).await?;
    }
    writer.close().await
}
