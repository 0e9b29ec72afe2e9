//! Tools that are elsewhere: whatever their documents, templates and listings say, a request goes to the place that the spec names.

use std::cell::LazyCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use skreaver_effects::http::{Client, Network};
use skreaver_effects::{Bounds, Guard};
use skreaver_policy::bounds::{Ground, Own};
use skreaver_protocol::ToolName;
use skreaver_protocol::config::{HttpToolConfig, OpenApiConfig};
use skreaver_remote::mcp::testing::listed;
use skreaver_remote::{World, http, openapi};
use skreaver_tools::Tool;
use tokio::net::TcpStream;

use super::tools::permit;
use crate::Came;

/// A network that leads nowhere and remembers who was asked for.
#[derive(Debug, Default)]
struct Nowhere(Mutex<Vec<String>>);

#[async_trait]
impl Network for Nowhere {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
        Ok(vec![IpAddr::from([93, 184, 216, 34])])
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<TcpStream> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }
}

struct Elsewhere {
    network: Arc<Nowhere>,
    world: World,
    runtime: tokio::runtime::Runtime,
}

thread_local! {
    static ELSEWHERE: LazyCell<Elsewhere> = LazyCell::new(|| {
        let network = Arc::new(Nowhere::default());
        let client = Client::over(Arc::clone(&network) as Arc<dyn Network>).expect("its certificates are those of Mozilla");
        let bounds = Arc::new(Bounds::new(Own::default(), []));
        let world = World {
            guard: Guard::new(client),
            secrets: Arc::new(|_: &_| Err("there are none".to_owned())),
            bounds: Arc::new(move || Arc::clone(&bounds)),
            ground: Ground::Cluster,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime is made");
        Elsewhere { network, world, runtime }
    });
}

/// A document: its tools have names, schemas of objects, and places that it names.
pub(super) fn openapi(bytes: &[u8]) -> Came {
    let Ok(document) = std::str::from_utf8(bytes) else { return Came::NOTHING };
    let config = serde_json::json!({ "document": document });
    let config: OpenApiConfig = serde_json::from_value(config).expect("it is a configuration");
    let source = ToolName::parse("ledger").expect("it is a name");
    let compiled = ELSEWHERE.with(|elsewhere| openapi::compile(&source, &config, &elsewhere.world));
    let compiled = match compiled {
        Ok(compiled) => compiled,
        Err(problems) => return Came::told(&problems.iter().map(ToString::to_string).collect::<Vec<_>>()),
    };
    assert!(compiled.tools.len() <= openapi::MOST_OPERATIONS);
    for (name, tool) in &compiled.tools {
        assert!(name.as_str().starts_with("ledger/"), "{name}");
        assert_eq!(tool.input_schema()["type"], "object", "{name}");
    }
    let left_out: Vec<_> = compiled.left_out.iter().map(ToString::to_string).collect();
    Came::to(&(compiled.tools.len(), compiled.places.len(), left_out))
}

#[derive(Deserialize)]
struct Templated {
    tool: HttpToolConfig,
    arguments: Value,
}

/// A tool and its arguments: whatever these are, nobody but the host of the template is asked for.
pub(super) fn url_template(bytes: &[u8]) -> Came {
    let Ok(Templated { tool, arguments }) = serde_json::from_slice(bytes) else { return Came::NOTHING };
    ELSEWHERE.with(|elsewhere| {
        let compiled = match http::compile(&tool, &elsewhere.world) {
            Ok(compiled) => compiled,
            Err(problems) => return Came::told(&problems.iter().map(ToString::to_string).collect::<Vec<_>>()),
        };
        let places = http::places(&tool);
        assert_eq!(places.len(), 1, "a template has one place");
        let error = elsewhere.runtime.block_on(compiled.run(permit("fetch", &arguments), arguments)).expect_err("nobody answers");
        let asked = std::mem::take(&mut *elsewhere.network.0.lock().unwrap_or_else(PoisonError::into_inner));
        for name in asked {
            assert_eq!(name, places[0].0.to_string(), "another host was asked for");
        }
        Came::told(&error.to_string())
    })
}

#[derive(Deserialize)]
struct Listing {
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
    tools: Value,
}

/// What an MCP server says of its tools, bounded and without what nobody sees.
pub(super) fn mcp_listing(bytes: &[u8]) -> Came {
    let Ok(Listing { include, exclude, tools }) = serde_json::from_slice(bytes) else { return Came::NOTHING };
    let source = ToolName::parse("ledger").expect("it is a name");
    let (taken, left_out) = match listed(&source, &include, &exclude, &tools) {
        Ok(found) => found,
        Err(why) => return Came::told(&why),
    };
    for (name, description, schema) in &taken {
        assert!(name.as_str().starts_with("ledger/"), "{name}");
        assert_eq!(schema["type"], "object", "{name}");
        let unseen = |c: char| matches!(c, '\u{202d}' | '\u{202e}' | '\u{e0000}'..='\u{e007f}' | '\u{1b}');
        assert!(!description.contains(unseen), "{description:?}");
    }
    let mut names: Vec<_> = taken.iter().map(|(name, ..)| name).collect();
    names.dedup();
    assert_eq!(names.len(), taken.len(), "a name stands twice");
    assert!(taken.len() + left_out.len() <= tools.as_array().map_or(0, Vec::len));
    Came::to(&(taken.len(), left_out))
}

/// The header that counts agents: a small number or refused.
pub(super) fn hops(bytes: &[u8]) -> Came {
    let Ok(text) = std::str::from_utf8(bytes) else { return Came::NOTHING };
    let parsed = skreaver_remote::hops::parse(Some(text));
    if let Ok(hops) = parsed {
        assert!(hops <= skreaver_remote::hops::MOST && text.trim().trim_start_matches('+').parse::<u8>() == Ok(hops));
    }
    Came::told(&parsed)
}
