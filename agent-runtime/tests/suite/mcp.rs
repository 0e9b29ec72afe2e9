//! Agents as MCP servers. Clients that are not ours do the same in the tests of laptops and clusters.

mod bad_input;
mod over_http;
mod over_streams;
mod spoken;
