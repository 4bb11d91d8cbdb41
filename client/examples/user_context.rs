//! User context that a job reads as a struct, and notifications that it records.

use std::error::Error;
use std::time::Duration;

use chrono::{DateTime, Utc};
use runmeta_client::{Client, NewRun, metadata};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Onboarding {
    user: User,
    /// An ISO string in the document, a date here.
    started: DateTime<Utc>,
    #[serde(default)]
    notifications: Vec<Notification>,
}

#[derive(Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
    email: String,
}

#[derive(Serialize, Deserialize)]
struct Notification {
    kind: String,
    to: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::connect(&std::env::var("DATABASE_URL")?).await?;
    let user = User {
        id: 7,
        name: "Eric".to_owned(),
        email: "eric@example.com".to_owned(),
    };
    let context = Onboarding {
        user,
        started: "2026-02-03T04:05:06Z".parse()?,
        notifications: Vec::new(),
    };
    let run = client
        .start(
            NewRun::new("onboard-7")
                .task("onboarding")
                .metadata(context),
        )
        .await?;

    run.run_until(send_welcome()).await?;

    let after: Onboarding = run.metadata().typed()?;
    println!(
        "{} was notified {} time(s) since {}",
        after.user.name,
        after.notifications.len(),
        after.started
    );

    client.shutdown(Duration::from_secs(10)).await?;
    Ok(())
}

/// Reads the user from the metadata of its run. The error names the path that does not fit.
async fn send_welcome() -> Result<(), runmeta_client::Error> {
    if let Some(context) = metadata::typed::<Onboarding>()? {
        let notification = Notification {
            kind: "welcome".to_owned(),
            to: context.user.email,
        };
        metadata::append("notifications", notification).set("$.user.welcomed", true);
    }
    Ok(())
}
