//! What a server keeps, as its settings say.

use std::collections::HashMap;

use redis::{RedisResult, Value, from_redis_value};

use super::link::Link;
use crate::Durability;
use crate::strength::Strength;

/// What the server, or the weakest node of the Cluster, keeps.
pub(super) async fn strength(link: &Link) -> RedisResult<Strength> {
    let infos = link.ask_all(&redis::cmd("INFO")).await?;
    let config = link.ask_all(redis::cmd("CONFIG").arg("GET").arg("*appendfsync*")).await;
    let nodes = infos.into_iter().map(from_redis_value::<String>).collect::<Result<Vec<_>, _>>()?;
    let configs: Vec<_> = match config {
        Ok(configs) => configs.into_iter().map(pairs).collect::<RedisResult<_>>()?,
        Err(error) if error.is_io_error() => return Err(error),
        // Managed servers hide their configuration.
        Err(_) => vec![HashMap::new()],
    };
    let of_infos = nodes.iter().map(|info| from_info(info));
    let all = of_infos.chain(configs.iter().map(from_config));
    Ok(all.min_by_key(Strength::class).unwrap_or_else(Strength::durable))
}

fn pairs(config: Value) -> RedisResult<HashMap<String, String>> {
    Ok(from_redis_value(config)?)
}

/// What `INFO` tells: whether there is an append-only file, and whether entries are thrown away when memory is short.
fn from_info(info: &str) -> Strength {
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let policy = field("maxmemory_policy").unwrap_or("unknown");
    if policy.starts_with("allkeys-") {
        let lack = format!("its `maxmemory-policy` is `{policy}`, under which what is kept may vanish; set it to `noeviction`");
        return Strength::at_most(Durability::Ephemeral, lack);
    }
    match field("aof_enabled") {
        Some("1") => Strength::durable(),
        _ => Strength::at_most(Durability::Ephemeral, "it writes no append-only file; set `appendonly` to `yes`"),
    }
}

/// What `CONFIG GET` tells: when the append-only file is on the disk.
fn from_config(config: &HashMap<String, String>) -> Strength {
    let lack = match (config.get("appendfsync").map(String::as_str), config.get("no-appendfsync-on-rewrite").map(String::as_str))
    {
        (Some("always"), Some("no")) => return Strength::durable(),
        (Some("always"), _) => "its `no-appendfsync-on-rewrite` is on, which leaves out fsyncs; set it to `no`".into(),
        (Some(when), _) => format!("its `appendfsync` is `{when}`; set it to `always`"),
        (None, _) => "it does not let us see its `appendfsync`; let us run `CONFIG GET`".into(),
    };
    Strength::at_most(Durability::Buffered, lack)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(strength: &Strength, class: Durability, lack: &str) {
        assert_eq!(strength.class(), class);
        let refused = strength.require("Redis at quarry", Durability::Durable);
        assert_eq!(refused.is_ok(), lack.is_empty());
        assert!(refused.map_or_else(|error| error.to_string(), |()| String::new()).contains(lack), "{strength:?}");
    }

    #[test]
    fn what_may_vanish_is_ephemeral() {
        let info = |aof, policy| from_info(&format!("# Memory\r\nmaxmemory_policy:{policy}\r\naof_enabled:{aof}\r\n"));
        check(&info(1, "noeviction"), Durability::Durable, "");
        check(&info(1, "volatile-lru"), Durability::Durable, "");
        check(&info(1, "allkeys-lru"), Durability::Ephemeral, "set it to `noeviction`");
        check(&info(0, "noeviction"), Durability::Ephemeral, "set `appendonly` to `yes`");
        check(&from_info(""), Durability::Ephemeral, "append-only");
    }

    #[test]
    fn only_a_known_fsync_at_each_write_is_durable() {
        let config = |when: &str, on_rewrite: &str| {
            from_config(
                &[("appendfsync", when), ("no-appendfsync-on-rewrite", on_rewrite)].map(|(k, v)| (k.into(), v.into())).into(),
            )
        };
        check(&config("always", "no"), Durability::Durable, "");
        check(&config("always", "yes"), Durability::Buffered, "no-appendfsync-on-rewrite");
        check(&config("everysec", "no"), Durability::Buffered, "set it to `always`");
        check(&from_config(&HashMap::new()), Durability::Buffered, "CONFIG GET");
    }
}
