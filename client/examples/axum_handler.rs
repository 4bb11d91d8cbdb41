//! An axum handler that starts a run and answers at once. The job runs in the background.
//!
//! `curl -X POST localhost:3000/reports/weekly`, then `curl localhost:3000/reports/weekly`.

use std::error::Error;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use runmeta_client::{Client, NewRun, metadata};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::connect(&std::env::var("DATABASE_URL")?).await?;
    let listener =
        TcpListener::bind(std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".to_owned())).await?;
    println!("listening on {}", listener.local_addr()?);

    let app = Router::new()
        .route("/reports/{name}", post(begin).get(show))
        .with_state(client.clone());
    let mut terminate = signal(SignalKind::terminate())?;
    axum::serve(listener, app)
        .with_graceful_shutdown(async move {
            terminate.recv().await;
        })
        .await?;
    client.shutdown(Duration::from_secs(10)).await?;
    Ok(())
}

async fn begin(
    State(client): State<Client>,
    Path(name): Path<String>,
) -> Result<Json<Value>, (StatusCode, String)> {
    let run = client
        .start(NewRun::new(&name).task("report"))
        .await
        .map_err(response)?;
    let id = run.id().to_owned();
    tokio::spawn(async move {
        run.scope(report()).await;
        if let Err(error) = run.finish().await {
            eprintln!("{error}");
        }
    });
    Ok(Json(json!({"run": id})))
}

async fn show(
    State(client): State<Client>,
    Path(name): Path<String>,
) -> Result<Json<Value>, (StatusCode, String)> {
    let run = client.run(&name).await.map_err(response)?;
    run.metadata().refresh().await.map_err(response)?;
    Ok(Json(run.metadata().current().unwrap_or_default()))
}

async fn report() {
    for page in 1..=5 {
        metadata::set("pages", page);
        tokio::task::yield_now().await;
    }
    metadata::set("done", true);
}

fn response(error: runmeta_client::Error) -> (StatusCode, String) {
    let status = match error.code() {
        Some("P0002") => StatusCode::NOT_FOUND,
        Some("22023") => StatusCode::BAD_REQUEST,
        _ if error.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, error.to_string())
}
