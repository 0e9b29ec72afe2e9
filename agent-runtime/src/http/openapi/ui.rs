//! Swagger UI over the document, at `/docs`: from this program alone, no address outside is asked for anything.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use skreaver_protocol::problem::Code;

use crate::http::extract::PathPart;
use crate::http::{App, ProblemResponse};

const PAGE: &str = include_str!("ui/page.html");
const START: &str = include_str!("ui/start.js");
/// Swagger UI writes styles into elements, and its icons are images in its styles.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The files change with the program alone, and their names do not.
const A_DAY: &str = "public, max-age=86400";
const SCRIPT: &str = "text/javascript; charset=utf-8";

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/docs", get(page)).route("/docs/{file}", get(file))
}

async fn page() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)], PAGE)
}

async fn file(PathPart(name): PathPart<String>) -> Result<Response, ProblemResponse> {
    match name.as_str() {
        "start.js" => Ok(([(CONTENT_TYPE, SCRIPT)], START).into_response()),
        "swagger-ui-bundle.js" => Ok(packed(SCRIPT, include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js.gz")))),
        "swagger-ui.css" => Ok(packed("text/css; charset=utf-8", include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css.gz")))),
        _ => Err(ProblemResponse::new(Code::NotFound, format!("there is no `{name}` among the files of /docs"))),
    }
}

/// Every browser takes gzip, and nobody else reads these.
fn packed(content_type: &'static str, bytes: &'static [u8]) -> Response {
    ([(CONTENT_TYPE, content_type), (CONTENT_ENCODING, "gzip"), (CACHE_CONTROL, A_DAY)], bytes).into_response()
}
