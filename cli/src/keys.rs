//! `skreaver keys`: API keys for those who ask agents.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Subcommand;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use skreaver::auth::NewApiKey;

use crate::secrets::create_private;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a key, show it once, and print the line that is kept of it.
    New(New),
}

#[derive(clap::Args)]
pub(crate) struct New {
    /// Whose key it is: the name under which they are known, and of the entry in the Secret. Letters, digits, `-`, `_` and `.`.
    name: String,
    /// What who holds it may do with every agent: `viewer`, `user`, `approver`, `admin` or a role of your own. Others may be given
    /// by bindings to its name.
    #[arg(long, value_name = "ROLE", value_delimiter = ',')]
    roles: Vec<String>,
    /// When it ends, such as 2027-01-31T00:00:00Z. Default: never.
    #[arg(long, value_name = "TIME")]
    expires: Option<Timestamp>,
    /// Add the line to the file of this name in a directory that `skreaver run --api-keys` reads.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn keys(Command::New(new): &Command) -> anyhow::Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_name = !new.name.is_empty() && new.name.len() <= 253 && !new.name.starts_with('.') && new.name.bytes().all(is_plain);
    ensure!(is_name, "`{}` is no name for a key: letters, digits, `-`, `_` and `.`, and no dot at its beginning", new.name);
    let is_role = |role: &String| !role.is_empty() && !role.contains(char::is_whitespace);
    ensure!(new.roles.iter().all(is_role), "write roles with commas between them, such as --roles user,approver");
    let key = NewApiKey::of(&random().context("failed to read the random source of the system")?);
    let line = line(&key.line, &new.roles, new.expires);
    match &new.dir {
        None => {
            println!("{}", key.key.expose_secret());
            eprintln!(
                "\nThat is the key. It is shown this once; callers send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`."
            );
            eprintln!(
                "What is kept of it is the next line, for the entry `{}` of the Secret, or the file of that name:\n",
                new.name
            );
            println!("{line}");
        }
        Some(dir) => {
            create_private(dir)?;
            let path = dir.join(&new.name);
            let file = File::options().append(true).create(true).open(&path);
            file.and_then(|mut file| writeln!(file, "{line}")).with_context(|| format!("failed to write {}", path.display()))?;
            println!("{}", key.key.expose_secret());
        }
    }
    if new.roles.is_empty() {
        eprintln!("\nIt has no role, and may do nothing before a binding gives it one.");
    }
    Ok(())
}

fn line(kept: &str, roles: &[String], expires: Option<Timestamp>) -> String {
    let roles = if roles.is_empty() { String::new() } else { format!(" roles={}", roles.join(",")) };
    format!("{kept}{roles}{}", expires.map(|time| format!(" expires={time}")).unwrap_or_default())
}

fn random() -> std::io::Result<[u8; 30]> {
    let mut bytes = [0; 30];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_key_is_a_line_that_the_runtime_takes() {
        let expires = "2027-01-31T00:00:00Z".parse().unwrap();
        let key = NewApiKey::of(&[7; 30]);
        let line = line(&key.line, &["user".to_owned(), "approver".to_owned()], Some(expires));
        assert!(line.starts_with("sha256:") && line.ends_with(" roles=user,approver expires=2027-01-31T00:00:00Z"), "{line}");
        let (_, problems) = skreaver::auth::ApiKeys::read([("ann", line.as_str())]);
        assert_eq!(problems, []);
    }
}
