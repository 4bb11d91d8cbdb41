//! Handing the current metadata to a child on purpose: nothing is copied by itself.

use std::error::Error;
use std::time::Duration;

use runmeta_client::{Client, NewRun, metadata};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::connect(&std::env::var("DATABASE_URL")?).await?;
    let order = client
        .start(NewRun::new("order-5").metadata(json!({"customer": {"id": 3}, "currency": "EUR"})))
        .await?;

    order.scope(ship(&client)).await?;

    println!("{}", order.metadata().current().unwrap_or_default());
    order.finish().await?;
    client.shutdown(Duration::from_secs(10)).await?;
    Ok(())
}

async fn ship(client: &Client) -> Result<(), runmeta_client::Error> {
    metadata::set("status", "shipping");
    // What the child begins with: the parent's document of this moment, changes not yet sent included.
    let mut shipment = NewRun::new("order-5/shipment").metadata(metadata::current());
    if let Some(parent) = metadata::run() {
        shipment = shipment.parent(parent.id());
    }
    let shipment = client.start(shipment).await?;
    shipment
        .scope(async {
            // The innermost scope counts: this is the child's metadata.
            metadata::set("status", "on its way").set("parcel", 1);
            metadata::parent().set("shipped", true);
        })
        .await;
    shipment.finish().await
}
