//! Copying a parent's metadata to a child. The client copies nothing by itself.

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

    // Finishes the run: `completed` if shipping returns Ok, `failed` otherwise.
    order.run_until(ship(&client)).await?;
    println!("{}", order.metadata().current().unwrap_or_default());
    client.shutdown(Duration::from_secs(10)).await?;
    Ok(())
}

async fn ship(client: &Client) -> Result<(), runmeta_client::Error> {
    metadata::set("status", "shipping");
    // The child begins with the parent's document of this moment, including what is not sent yet.
    let mut shipment = NewRun::new("order-5/shipment").metadata(metadata::current());
    if let Some(parent) = metadata::run() {
        shipment = shipment.parent(parent.id());
    }
    let shipment = client.start(shipment).await?;
    shipment
        .scope(async {
            // The innermost scope applies: this is the child's metadata.
            metadata::set("status", "on its way").set("parcel", 1);
            metadata::parent().set("shipped", true);
        })
        .await;
    shipment.finish().await
}
