//! A tool of one's own: what it takes is a type, and the schema comes from it. Run it with
//! `cargo run --package skreaver --example custom_tool`.

use schemars::JsonSchema;
use serde::Deserialize;
use skreaver::tools::FunctionTool;
use skreaver::{InMemoryToolRegistry, Observation, Runtime};

/// What to roll.
#[derive(Deserialize, JsonSchema)]
struct Area {
    /// In metres.
    width: f64,
    /// In metres.
    height: f64,
}

fn area() -> FunctionTool<Area> {
    let from_text = |text: &str| serde_json::from_str(text).unwrap_or_default();
    FunctionTool { description: "The area of a rectangle.", from_text, run: |Area { width, height }| (width * height).into() }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut tools = InMemoryToolRegistry::new();
    tools.register("area", area())?;
    let config = serde_json::from_str(
        r#"{"agents": [{"name": "surveyor", "tools": [{"name": "area", "source": {"type": "Builtin"}}]}]}"#,
    )?;
    let runtime = Runtime::builder().config(config).tools(tools).build()?;
    let surveyor = runtime.agent("surveyor").ok_or("there is no surveyor")?;
    let answer = surveyor.observe(Observation::new(r#"area:{"width": 3, "height": 4}"#)).await?;
    println!("{}", answer.output);
    Ok(())
}
