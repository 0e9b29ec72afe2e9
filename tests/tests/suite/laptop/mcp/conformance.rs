//! The conformance suite of MCP, of both of its sides. What fails is in a list, and the suite fails as well where something of the
//! list passes, so that the list can only shrink.

use skreaver_tests::{Program, binary, free_port, root};

use super::judged;

const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// Runs what a revision requires, with what is known to fail.
async fn check(revision: &str, args: &[&str]) {
    let listed = root().join(format!("tests/clients/mcp/expected-failures-{revision}.yaml")).display().to_string();
    let (passed, said) = judged(&[args, &["--requirements", revision, "--expected-failures", &listed]].concat()).await;
    let summary = said.rsplit("SUMMARY ===").next().unwrap_or_default();
    println!("{revision}: {summary}");
    assert!(passed && summary.contains("Total:"), "{revision}: {said}");
}

#[tokio::test]
async fn every_required_scenario_of_a_server_passes() {
    let address = format!("127.0.0.1:{}", free_port());
    let mut server = Program::start("examples/mcp_fixtures", &[&address]).unwrap();
    server.ready(&format!("http://{address}/ready")).await.unwrap();
    let (sessions, stateless) = (format!("http://{address}/mcp"), format!("http://{address}/stateless/mcp"));
    for revision in REVISIONS {
        check(revision, &["conformance", "server", "--url", &sessions]).await;
    }
    // As agents are served.
    check("2026-07-28", &["conformance", "server", "--url", &stateless]).await;
}

#[tokio::test]
async fn every_required_scenario_of_a_client_without_a_user_passes() {
    let client = binary("examples/mcp_client").display().to_string();
    for revision in REVISIONS {
        check(revision, &["conformance", "client", "--command", &client]).await;
    }
}
