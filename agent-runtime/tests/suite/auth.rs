//! Who may ask: what strangers and the wrong people send is refused, and told once.

mod doors;
mod hostile;
mod mcp;
mod operator;
mod own;
mod rotation;
mod world;
