//! Real servers on loopback, from Debian packages: each with a folder and ports of its own, and gone with its handle.

mod cluster;
mod postgres;
mod process;
mod redis;

use std::fs;
use std::path::Path;

pub use cluster::RedisCluster;
pub use postgres::PostgresServer;
pub use redis::RedisServer;

/// Writes a certificate for 127.0.0.1 that only those trust who are told to, and its key, as `certificate.pem` and `key.pem`.
fn write_certificate(folder: &Path) -> anyhow::Result<()> {
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    fs::write(folder.join("certificate.pem"), cert.pem())?;
    fs::write(folder.join("key.pem"), signing_key.serialize_pem())?;
    Ok(())
}
