//! Real servers on loopback, from Debian packages: each with a folder and ports of its own, and gone with its handle.

mod postgres;
mod process;
mod redis;

pub use postgres::PostgresServer;
pub use redis::{RedisCluster, RedisServer};
