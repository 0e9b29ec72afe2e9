//! Honest URLs, which look like attacks now and then, are answered.

use serde_json::json;
use skreaver_effects::{Bounds, http};
use skreaver_policy::bounds::Own;

use crate::support::{Loopback, PUBLIC, answer, arguments, serve};

const HOSTS: [&str; 20] = [
    "example.com",
    "api.example.com",
    "EXAMPLE.org",
    "example.com.",
    "10.example.com",
    "127.0.0.1.example.net",
    "localhost.example.com",
    "svc.example.io",
    "internal.example.co.uk",
    "bücher.example",
    "例え.テスト",
    "xn--bcher-kva.example",
    "a-b.c_d.example",
    "1.2.3.4.example",
    "0x7f.example",
    "metadata.example.com",
    "kubernetes.io",
    PUBLIC,
    "2001.example",
    "x--y.example",
];
const PORTS: [&str; 5] = ["", ":80", ":8080", ":3000", ":65535"];
const PATHS: [&str; 10] = [
    "",
    "/",
    "/?q=a&b=c",
    "/search?q=Tom%20%26%20Jerry#top",
    "/a/../b/./c",
    "/~user/@handle",
    "/?url=http://169.254.169.254/latest",
    "/redirect?to=//localhost/",
    "/{id}/[x]?$filter=a eq 'b'",
    "/%2e%2e/%00/ünïcode/…",
];

#[tokio::test]
async fn of_a_thousand_honest_urls_none_is_refused() {
    let server = serve(|_| answer(200, &[], b"honest")).await;
    let network = Loopback::new(server, "127.0.0.1:1".parse().unwrap());
    let guard = network.guard();
    let bounds = Bounds::new(Own::default(), []);
    let mut refused = Vec::new();
    for (host, port, path) in
        HOSTS.iter().flat_map(|host| PORTS.iter().flat_map(move |port| PATHS.iter().map(move |path| (host, port, path))))
    {
        let url = format!("http://{host}{port}{path}");
        match http::get(&guard, &bounds, arguments(json!({"url": url}))).await {
            Ok(answer) => assert_eq!(answer.status, 200, "{url}"),
            Err(error) => refused.push(format!("{url}: {error}")),
        }
    }
    println!("1000 honest URLs: {} refused", refused.len());
    assert!(refused.is_empty(), "{refused:#?}");
}
