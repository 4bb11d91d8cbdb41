//! `GET /openapi.json`: what the plain API takes and answers.
//!
//! [`schema`] and [`operation`] have the bodies, [`reading`] and [`writing`] a function without a body for each route: the handlers answer JSON that
//! the client or the database made. A test holds the description against what the server answers.

mod changed;
mod operation;
mod reading;
mod schema;
mod writing;

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "runmeta",
        description = "Live metadata of runs. Ids in paths are percent-encoded. A token gets 403 for what its scopes do not include, \
            whether it exists or not."
    ),
    paths(
        reading::run, reading::runs, reading::tree, reading::rollup, reading::tasks, reading::task,
        reading::events, reading::set_events, reading::streams, reading::stream,
        writing::start, writing::operations, writing::batch, writing::finish, writing::status, writing::append,
        writing::ticket,
    ),
    servers((url = "/")),
    modifiers(&Keys, &Always, &License),
    security(("key" = [])),
)]
struct Api;

/// How keys are sent.
struct Keys;

impl Modify for Keys {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("key", scheme);
    }
}

/// What any route may answer, and any that takes parameters or a body. Problems have one content type, wherever they are declared.
struct Always;

impl Modify for Always {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let problem = |description: &str| {
            let schema = Ref::from_schema_name("Problem");
            let content = ContentBuilder::new().schema(Some(schema)).build();
            let response = ResponseBuilder::new().description(description);
            let response = response.content("application/problem+json", content);
            RefOr::T(response.build())
        };
        let items = api.paths.paths.values_mut();
        let operations = items.flat_map(|item| [item.get.as_mut(), item.post.as_mut()]);
        for operation in operations.flatten() {
            let responses = &mut operation.responses.responses;
            let many = "too many requests, open streams or bytes of bodies of this key";
            responses.insert("429".to_owned(), problem(many));
            let takes = operation.parameters.is_some() || operation.request_body.is_some();
            if takes {
                let invalid = || problem("the request is invalid");
                responses.entry("400".to_owned()).or_insert_with(invalid);
            }
            if operation.request_body.is_some() {
                responses.insert("408".to_owned(), problem("the body took longer than 30 s"));
            }
            for (status, response) in responses {
                if let RefOr::T(response) = response
                    && status.starts_with(['4', '5'])
                    && let Some(content) = response.content.shift_remove("application/json")
                {
                    let kind = "application/problem+json".to_owned();
                    response.content.insert(kind, content);
                }
            }
        }
    }
}

/// There is none to be named: utoipa makes an empty one, which the specification does not allow.
struct License;

impl Modify for License {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        api.info.license = None;
    }
}

/// The description as JSON, made once: it is sent to anyone who asks, and shared by all answers.
static JSON: LazyLock<Bytes> =
    LazyLock::new(|| Api::openapi().to_json().unwrap_or_default().into());

/// Returns the description.
pub(crate) async fn show() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], JSON.clone())
}

#[cfg(test)]
mod tests;
