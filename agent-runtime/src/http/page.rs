//! The page at `/` for people: plain files in the binary, which speak to the API as any client does.

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::response::IntoResponse;
use axum::routing::get;

use super::App;

/// Nothing but our own files is run, shown or asked, and nobody frames the page: what an agent says can do nothing in it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

pub(crate) fn routes() -> Router<App> {
    let html = || async { file("text/html; charset=utf-8", include_str!("page/index.html")) };
    let css = || async { file("text/css; charset=utf-8", include_str!("page/page.css")) };
    let js = || async { file("text/javascript; charset=utf-8", include_str!("page/page.js")) };
    let icon = || async { file("image/svg+xml", include_str!("page/icon.svg")) };
    Router::new().route("/", get(html)).route("/page.css", get(css)).route("/page.js", get(js)).route("/icon.svg", get(icon))
}

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &'static str); 6] = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        // The files change with the program, and are small.
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}
