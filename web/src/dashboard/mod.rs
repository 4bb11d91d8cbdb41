//! The dashboard: pages, styles and scripts, which are files in `assets` and part of the binary.
//!
//! They are plain modules that a browser reads as they are. All pages are one file, `index.html`, whose script reads the address; they
//! hold no data, so they need no key. The policy allows what is served from here and nothing inline: text of a run that is HTML
//! by mistake of a page would still run no script.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::{Gateway, Problem};

/// The addresses of pages. What they show is in the query: an id may hold slashes.
const PAGES: [&str; 4] = ["/", "/run", "/tasks", "/task"];

/// Scripts, styles, pictures and requests of this origin only; no forms that are sent, and no frames round the pages.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Beside those that all answers have.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    // A browser asks each time whether its copy is still good, and an upgrade shows at once.
    (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
];

#[derive(RustEmbed)]
#[folder = "src/dashboard/assets"]
struct Assets;

/// The routes of the dashboard.
pub(crate) fn routes() -> Router<Gateway> {
    let router = Router::new().route("/assets/{*path}", get(asset));
    PAGES
        .into_iter()
        .fold(router, |router, path| router.route(path, get(page)))
}

async fn page(headers: HeaderMap) -> Response {
    file("index.html", &headers)
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    file(&path, &headers)
}

/// Answers with a file, or that the browser's copy of it is still good.
fn file(path: &str, request: &HeaderMap) -> Response {
    let Some(EmbeddedFile { data, metadata }) = Assets::get(path) else {
        return Problem::no_such_path().into_response();
    };
    let tag = tag(&metadata.sha256_hash());
    let known = request.get_all(IF_NONE_MATCH).iter();
    let is_known = known.filter_map(|tags| tags.to_str().ok()).any(|tags| {
        tags.split(',')
            .any(|one| one.trim().trim_start_matches("W/") == tag)
    });
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => {
            let kind = mime_guess::from_path(path).first_or_octet_stream();
            ([(CONTENT_TYPE, with_charset(kind.essence_str()))], data).into_response()
        }
    };
    let headers = response.headers_mut();
    headers.extend(HEADERS);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    response
}

/// Names a content: 16 bytes of its hash.
fn tag(hash: &[u8; 32]) -> String {
    let digits = hash.iter().take(16).map(|byte| format!("{byte:02x}"));
    format!("\"{}\"", digits.collect::<String>())
}

fn with_charset(kind: &str) -> String {
    match kind.starts_with("text/") {
        true => format!("{kind}; charset=utf-8"),
        false => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(response: &Response, name: HeaderName) -> &str {
        response.headers()[name].to_str().unwrap()
    }

    #[test]
    fn page_has_a_policy_without_inline_script() {
        let response = file("index.html", &HeaderMap::new());
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, CONTENT_TYPE), "text/html; charset=utf-8");
        let policy = header(&response, CONTENT_SECURITY_POLICY);
        assert!(policy.contains("script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let text = String::from_utf8(Assets::get("index.html").unwrap().data.to_vec()).unwrap();
        assert!(!text.contains("<style") && !text.contains("style=") && !text.contains(" on"));
    }

    #[test]
    fn file_that_the_browser_has_is_not_sent_again() {
        let first = file("app.js", &HeaderMap::new());
        assert_eq!(
            header(&first, CONTENT_TYPE),
            "text/javascript; charset=utf-8"
        );
        let request = HeaderMap::from_iter([(IF_NONE_MATCH, first.headers()[ETAG].clone())]);
        let second = file("app.js", &request);
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(second.headers()[ETAG], first.headers()[ETAG]);
        let other = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static("\"0\""))]);
        assert_eq!(file("app.js", &other).status(), 200);
    }

    #[test]
    fn nothing_outside_the_assets_is_served() {
        for path in ["", "../mod.rs", "/etc/passwd", "draw/../app.js", "draw"] {
            assert_eq!(file(path, &HeaderMap::new()).status(), 404, "{path}");
        }
    }

    /// A module that is missing would stop all of the script.
    #[test]
    fn every_module_that_is_imported_exists() {
        for path in Assets::iter().filter(|path| path.ends_with(".js")) {
            let text = String::from_utf8(Assets::get(&path).unwrap().data.to_vec()).unwrap();
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            for line in text.lines().filter(|line| line.starts_with("import ")) {
                let import = line.split('"').nth(1).unwrap();
                let target = match import.strip_prefix("../") {
                    Some(above) => above.to_owned(),
                    None => format!("{folder}/{}", import.trim_start_matches("./")),
                };
                let target = target.trim_start_matches('/');
                assert!(Assets::get(target).is_some(), "{path} imports {import}");
            }
        }
    }
}
