//! Scripts that Redis runs for us. It knows them by their hash; where it does not any more, the text goes with the call.

use std::borrow::Cow;
use std::sync::LazyLock;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisResult, ServerErrorKind};

use super::link::{Link, Repeat};

pub(super) static GET: LazyLock<Script> = LazyLock::new(|| Script::of(include_str!("get.lua")));
pub(super) static SCAN: LazyLock<Script> = LazyLock::new(|| Script::of(include_str!("scan.lua")));
pub(super) static COMMIT: LazyLock<Script> = LazyLock::new(|| Script::of(include_str!("commit.lua")));

pub(super) struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    fn of(text: &'static str) -> Self {
        Self { text, hash: redis::Script::new(text).get_hash().to_owned() }
    }

    pub(super) async fn run<T: FromRedisValue>(
        &self,
        link: &Link,
        keys: [&str; 3],
        args: &[Cow<'_, [u8]>],
        repeat: Repeat,
    ) -> RedisResult<T> {
        let answer = link.ask(&call("EVALSHA", &self.hash, keys, args), repeat).await;
        match answer {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                link.ask(&call("EVAL", self.text, keys, args), repeat).await
            }
            answer => answer,
        }
    }
}

fn call(command: &str, script: &str, keys: [&str; 3], args: &[Cow<'_, [u8]>]) -> Cmd {
    let size = args.iter().map(|arg| arg.len()).sum::<usize>() + keys.iter().map(|key| key.len()).sum::<usize>();
    let mut call = Cmd::with_capacity(3 + keys.len() + args.len(), script.len() + size + 16);
    call.arg(command).arg(script).arg(keys.len());
    for key in keys {
        call.arg(key);
    }
    for arg in args {
        call.arg(arg.as_ref());
    }
    call
}
