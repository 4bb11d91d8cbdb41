//! Numbers for Prometheus, at `GET /metrics`, for holders of a secret key.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::IntoResponse;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::{Caller, Gateway, Problem};

/// What is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    /// TCP connections that are open.
    pub(crate) connections: Gauge,
    /// Event streams and held polls that are open.
    pub(crate) streams: Gauge,
    /// What event streams share, each with a watch of the client.
    rooms: Gauge,
    event_bytes: Gauge,
    bodies: Gauge,
    answers: Gauge,
    client: Family<Client, Gauge<f64, AtomicU64>>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Client {
    role: String,
    what: &'static str,
}

/// From an answer out of memory to the call timeout.
const SECONDS: [f64; 9] = [0.001, 0.005, 0.02, 0.05, 0.2, 1.0, 5.0, 15.0, 30.0];

impl Default for Metrics {
    fn default() -> Metrics {
        let mut registry = Registry::with_prefix("runmeta_web");
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        let metrics = Metrics {
            requests: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            connections: Gauge::default(),
            streams: Gauge::default(),
            rooms: Gauge::default(),
            event_bytes: Gauge::default(),
            bodies: Gauge::default(),
            answers: Gauge::default(),
            client: Family::default(),
            registry: Registry::default(),
        };
        registry.register(
            "requests",
            "Requests that were answered",
            metrics.requests.clone(),
        );
        registry.register(
            "request_seconds",
            "How long answers took",
            metrics.seconds.clone(),
        );
        registry.register(
            "connections",
            "Connections that are open",
            metrics.connections.clone(),
        );
        registry.register(
            "streams",
            "Event streams that are open",
            metrics.streams.clone(),
        );
        registry.register(
            "rooms",
            "Runs and sets of runs that event streams follow",
            metrics.rooms.clone(),
        );
        registry.register(
            "event_bytes",
            "Bytes of events that are not sent yet, and of what is kept for the next ones",
            metrics.event_bytes.clone(),
        );
        registry.register(
            "body_bytes",
            "Memory that bodies of requests hold",
            metrics.bodies.clone(),
        );
        registry.register(
            "answer_bytes",
            "Bytes of answers that are not sent yet",
            metrics.answers.clone(),
        );
        registry.register(
            "client",
            "What the client of the database counts",
            metrics.client.clone(),
        );
        Metrics {
            registry,
            ..metrics
        }
    }
}

impl Metrics {
    /// Counts an answer.
    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        // A method is any word of the caller's: others than these would be a label each.
        let method = match method {
            "GET" | "HEAD" | "POST" | "PUT" | "OPTIONS" => method,
            _ => "other",
        };
        let (method, route) = (method.to_owned(), route.to_owned());
        let labels = Route {
            route: route.clone(),
        };
        self.seconds
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
        self.requests
            .get_or_create(&Request {
                method,
                route,
                status,
            })
            .inc();
    }
}

/// Where they are.
pub(crate) const PATH: &str = "/metrics";

/// `GET /metrics`.
pub(crate) async fn show(
    State(gateway): State<Gateway>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    if !caller.is_secret() {
        return Err(Problem::needs_secret_key());
    }
    // They count the requests of all keys.
    if caller.key().role.is_some() && !caller.key().metrics {
        return Err(Problem::forbidden().detail("the key works as a role of its own"));
    }
    let metrics = gateway.metrics();
    metrics.rooms.set(gateway.rooms().count() as i64);
    let memory = gateway.memory();
    metrics.event_bytes.set(memory.events.used() as i64);
    metrics.bodies.set(memory.bodies.used() as i64);
    metrics.answers.set(memory.answers.used() as i64);
    // A role has a client for its keys, one for their tokens, and others for other settings.
    let mut sums = HashMap::<_, u64>::new();
    for (role, client) in gateway.clients() {
        let counted = client.metrics();
        for (what, number) in [
            ("connections", counted.connections),
            ("retries", counted.retries),
            ("unapplied", counted.unapplied),
        ] {
            let role = role.clone().unwrap_or_default();
            *sums.entry(Client { role, what }).or_default() += number;
        }
    }
    for (labels, sum) in sums {
        metrics.client.get_or_create(&labels).set(sum as f64);
    }
    let mut text = String::new();
    encode(&mut text, &metrics.registry)
        .map_err(|_| Problem::failed("the metrics cannot be written"))?;
    let accepted = headers.get_all(ACCEPT).iter();
    let mut accepted = accepted.filter_map(|accepted| accepted.to_str().ok());
    Ok(match accepted.any(|kinds| kinds.contains(OPENMETRICS)) {
        true => ([(CONTENT_TYPE, KIND)], text),
        false => ([(CONTENT_TYPE, OLDER_KIND)], older(&text)),
    })
}

/// The format that Prometheus asks for, and its older one for programs that do not name this.
const OPENMETRICS: &str = "application/openmetrics-text";
const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const OLDER_KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Returns OpenMetrics in the older format: there a counter is called as its line is, and no line marks the end.
fn older(text: &str) -> String {
    let mut older = String::with_capacity(text.len());
    let is_counter = |name: &str| text.contains(&format!("# TYPE {name} counter\n"));
    for line in text.lines().filter(|line| *line != "# EOF") {
        match line.splitn(4, ' ').collect::<Vec<_>>()[..] {
            ["#", word, name, rest] if is_counter(name) => {
                older += &format!("# {word} {name}_total {rest}\n");
            }
            _ => older += &format!("{line}\n"),
        }
    }
    older
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_format_names_counters_as_their_lines() {
        let metrics = Metrics::default();
        metrics.answered("GET", "/v1/runs", 200, Duration::from_millis(3));
        let mut text = String::new();
        encode(&mut text, &metrics.registry).unwrap();
        let older = older(&text);
        let of = |name: &str| {
            let lines = older.lines().filter(|line| line.contains(name));
            lines.collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(of("web_requests"), @r#"
        # HELP runmeta_web_requests_total Requests that were answered.
        # TYPE runmeta_web_requests_total counter
        runmeta_web_requests_total{method="GET",route="/v1/runs",status="200"} 1
        "#);
        insta::assert_snapshot!(of("rooms"), @r"
        # HELP runmeta_web_rooms Runs and sets of runs that event streams follow.
        # TYPE runmeta_web_rooms gauge
        runmeta_web_rooms 0
        ");
        assert!(text.ends_with("# EOF\n") && !older.contains("EOF"));
    }
}
