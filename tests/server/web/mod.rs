//! The gateway, over a real socket.
//!
//! ```ignore
//! let database = Database::new().await;
//! let web = Web::start(&database).await;
//! let answer = web.get("/v1/runs/a").await;
//! ```

mod api;
mod attack;
mod auth;
mod bodies;
mod browser;
mod claims;
mod connections;
mod docs;
mod events;
mod faults;
mod keys;
mod limits;
mod locks;
mod numbers;
mod once;
mod openapi;
mod reader;
mod roles;
mod sets;
mod shape;
mod shared;
mod stopping;
mod streams;
mod trigger;
mod trouble;
mod unread;
mod words;

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header};
use reqwest::{Client, Method, RequestBuilder, Response};
use runmeta_web::{Config, Gateway, Keys, Server};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::harness::Database;

/// The secret key of a gateway that was started without others.
pub const KEY: &str = "a-secret-key-of-the-tests";

/// A gateway in the process of the test, ended with it.
pub struct Web {
    address: SocketAddr,
    key: String,
    http: Client,
    gateway: Gateway,
    running: JoinHandle<Result<(), runmeta_web::Error>>,
}

impl Web {
    /// Starts a gateway on a free port of the loopback address.
    pub async fn start(database: &Database) -> Web {
        Web::with(database, |_| ()).await
    }

    /// Starts a gateway with settings of its own.
    pub async fn with(database: &Database, change: impl FnOnce(&mut Config)) -> Web {
        Web::of(database.url(), change).await
    }

    /// Starts a gateway for the database of this URL.
    pub async fn of(url: String, change: impl FnOnce(&mut Config)) -> Web {
        let mut config = Config::new(url, Keys::List(KEY.to_owned()));
        change(&mut config);
        let server = Server::bind(config).await.unwrap();
        Web {
            address: server.address(),
            key: KEY.to_owned(),
            http: Client::builder().no_proxy().build().unwrap(),
            gateway: server.gateway().clone(),
            running: tokio::spawn(server.run()),
        }
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the secret key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the state of its routes, by which it is told to stop.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Signs a token with these scopes that is valid for an hour.
    pub fn token(&self, scopes: &[&str]) -> String {
        sign(&self.key, json!({"scopes": scopes, "exp": now() + 3600}))
    }

    /// Begins a request with the secret key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_as(&self.key, method, path)
    }

    /// Begins a request with this key or token.
    pub fn request_as(&self, key: &str, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path)).bearer_auth(key)
    }

    /// Reads a path with the secret key.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path).send().await.unwrap()).await
    }

    /// Reads a path with this key or token.
    pub async fn get_as(&self, key: &str, path: &str) -> Answer {
        let response = self.request_as(key, Method::GET, path).send().await;
        Answer::of(response.unwrap()).await
    }

    /// Reads a path with this header `Authorization`.
    pub async fn get_raw(&self, path: &str, authorization: &str) -> Answer {
        let request = self.http.get(self.url(path));
        let request = request.header("authorization", authorization);
        Answer::of(request.send().await.unwrap()).await
    }

    /// Posts JSON with this key or token.
    pub async fn post_as(&self, key: &str, path: &str, body: Value) -> Answer {
        let request = self.request_as(key, Method::POST, path).json(&body);
        Answer::of(request.send().await.unwrap()).await
    }

    /// Posts JSON with the secret key, once for each `Idempotency-Key`.
    pub async fn post_once(&self, once: &str, path: &str, body: Value) -> Answer {
        let request = self.request(Method::POST, path).json(&body);
        let request = request.header("idempotency-key", once);
        Answer::of(request.send().await.unwrap()).await
    }

    /// Posts JSON with the secret key.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        let request = self.request(Method::POST, path).json(&body);
        Answer::of(request.send().await.unwrap()).await
    }

    /// Tells it to stop, and waits until it has ended.
    pub async fn ended_now(self) {
        self.gateway.stopping().cancel();
        self.ended().await;
    }

    /// Waits until it has ended, after it was told to stop.
    pub async fn ended(mut self) {
        (&mut self.running).await.unwrap().unwrap();
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// A response that was read.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    /// The body as JSON, or as a text if it is none.
    pub body: Value,
}

impl Answer {
    /// Reads a response to its end.
    pub async fn of(response: Response) -> Answer {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer {
            status,
            headers,
            body,
        }
    }

    /// Returns a header, empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// Signs claims with a secret, as whoever has a key may.
pub fn sign(secret: &str, claims: Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap()
}

/// Returns the seconds since 1970.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}
