//! The measurements that the README quotes: `make bench`.
//!
//! Each line holds what we do against what a user would do instead, taken in turns in one run on one
//! server, so that the ratio is worth more than either figure. Nothing here passes or fails a test.

mod apply;
mod client;
mod database;
mod flush;
mod line;
mod memory;
mod set;

use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let database = database::Database::create().await?;
    let workers = runmeta_client::Client::connect(&database.url()).await?;
    let [increment, allocations] = client::increment(&workers).await?;
    let [throughput, beside_a_bare_update] = flush::one_session(&database.client).await?;
    let lines = [
        apply::one_operation(&database.client).await?,
        apply::twenty_operations(&database.client).await?,
        throughput,
        beside_a_bare_update,
        set::one_session(&database.client).await?,
        memory::flush(&database.client).await?,
        increment,
        allocations,
        client::shortening(&workers).await?,
    ];
    workers.shutdown(std::time::Duration::from_secs(10)).await?;
    println!("{}", database.description().await?);
    println!();
    println!("{}", line::table(&lines));
    database.drop().await?;
    Ok(())
}
