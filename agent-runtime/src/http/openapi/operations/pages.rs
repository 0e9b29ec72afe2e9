//! Pages for people, and the files that they are made of.

use skreaver_protocol::problem::Code;

use super::{Body, Operation};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/",
        method: "get",
        id: "page",
        summary: "The page for people: talk to agents, watch their runs, decide over calls that wait",
        parameters: &[],
        request: None,
        responses: &[(200, "The page.", Body::Text(&["text/html"]))],
        problems: &[],
    },
    Operation {
        path: "/page.css",
        method: "get",
        id: "pageStyle",
        summary: "The style of that page",
        parameters: &[],
        request: None,
        responses: &[(200, "The style.", Body::Text(&["text/css"]))],
        problems: &[],
    },
    Operation {
        path: "/page.js",
        method: "get",
        id: "pageScript",
        summary: "The script of that page",
        parameters: &[],
        request: None,
        responses: &[(200, "The script.", Body::Text(&["text/javascript"]))],
        problems: &[],
    },
    Operation {
        path: "/icon.svg",
        method: "get",
        id: "pageIcon",
        summary: "The icon of that page",
        parameters: &[],
        request: None,
        responses: &[(200, "The icon.", Body::Text(&["image/svg+xml"]))],
        problems: &[],
    },
    Operation {
        path: "/docs",
        method: "get",
        id: "docs",
        summary: "This document as a page",
        parameters: &[],
        request: None,
        responses: &[(200, "The page.", Body::Text(&["text/html"]))],
        problems: &[],
    },
    Operation {
        path: "/docs/{file}",
        method: "get",
        id: "docsFile",
        summary: "A file of that page",
        parameters: &[],
        request: None,
        responses: &[(200, "The file.", Body::Text(&["text/javascript", "text/css"]))],
        problems: &[Code::NotFound],
    },
];
