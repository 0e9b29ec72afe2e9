//! PostgreSQL: a server with one user and its database. It speaks TLS with those who ask for it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::process::{Process, run};
use super::write_certificate;
use crate::free_port;

/// The password of the user.
const PASSWORD: &str = "slate-and-ore";

/// A PostgreSQL server. Its user and database are called `postgres`.
pub struct PostgresServer {
    /// Where it listens, on loopback.
    pub port: u16,
    process: Process,
    settings: Vec<String>,
    folder: TempDir,
}

impl PostgresServer {
    /// Starts a server with these settings, as `fsync=off`.
    ///
    /// # Errors
    /// When it does not come up; says what it printed.
    pub fn start(settings: &[&str]) -> anyhow::Result<Self> {
        let (port, folder) = (free_port(), tempfile::Builder::new().prefix("postgres-").tempdir()?);
        let data = folder.path().join("data");
        run(Command::new("cp").arg("-r").arg(template()?).arg(&data))?;
        write_certificate(folder.path())?;
        fs::set_permissions(folder.path().join("key.pem"), fs::Permissions::from_mode(0o600))?;
        own(folder.path())?;
        let settings: Vec<_> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let process = launch(folder.path(), port, &settings)?;
        Ok(Self { port, process, settings, folder })
    }

    /// Kills it and all its processes without a warning, and starts it again on the same data and port.
    ///
    /// # Errors
    /// When it does not come up; says what it printed.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.process.kill();
        self.process = launch(self.folder.path(), self.port, &self.settings)?;
        Ok(())
    }

    /// Stops it where it stands: it keeps its connections and says nothing.
    pub fn pause(&self) {
        self.process.signal_all("STOP");
    }

    /// Has it go on after [`Self::pause`].
    pub fn resume(&self) {
        self.process.signal_all("CONT");
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("postgres://postgres:{PASSWORD}@127.0.0.1:{}/postgres", self.port)
    }

    /// The certificate that it shows.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// Runs SQL with `psql`, and gives the answer as plain text.
    ///
    /// # Errors
    /// What it printed, when it failed.
    pub fn sql(&self, sql: &str) -> anyhow::Result<String> {
        let arguments = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--command", sql];
        run(Command::new(program("psql")?).arg(self.url()).args(arguments))
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.resume();
        // Not the kill that the process gets anyway: that leaves shared memory behind.
        self.process.stop("QUIT");
    }
}

fn launch(folder: &Path, port: u16, settings: &[String]) -> anyhow::Result<Process> {
    let data = folder.join("data");
    let mut command = as_user(Command::new(program("postgres")?))?;
    command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-k"]).arg(folder);
    let own = ["listen_addresses=127.0.0.1", "shared_buffers=16MB", "dynamic_shared_memory_type=mmap"];
    let ssl = [
        "ssl=on".into(),
        format!("ssl_cert_file={}", folder.join("certificate.pem").display()),
        format!("ssl_key_file={}", folder.join("key.pem").display()),
    ];
    for setting in own.into_iter().chain(ssl.iter().map(String::as_str)).chain(settings.iter().map(String::as_str)) {
        command.args(["-c", setting]);
    }
    let ready = program("pg_isready")?;
    let port = port.to_string();
    Process::start(command, &folder.join("log"), || {
        run(Command::new(&ready).args(["--quiet", "--host=127.0.0.1", "--port", &port])).is_ok()
    })
}

/// An empty data folder. Making one takes seconds, so it is kept beside our programs and copied.
fn template() -> anyhow::Result<PathBuf> {
    let version = run(Command::new(program("postgres")?).arg("--version"))?;
    let version: String = version.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    let programs = std::env::current_exe()?.parent().and_then(Path::parent).context("tests lie in target/.../deps")?.to_owned();
    let kept = programs.join(format!("postgres-{version}"));
    if kept.is_dir() {
        return Ok(kept);
    }
    let folder = tempfile::tempdir()?;
    let (data, password) = (folder.path().join("data"), folder.path().join("password"));
    fs::write(&password, PASSWORD)?;
    own(folder.path())?;
    let mut initdb = as_user(Command::new(program("initdb")?))?;
    initdb.arg("--pgdata").arg(&data).arg("--pwfile").arg(&password);
    initdb.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]);
    run(&mut initdb)?;
    // Whole under its name, or not there; another process may have been quicker.
    let copy = programs.join(format!("postgres-{version}-{}", folder.path().file_name().unwrap_or_default().display()));
    run(Command::new("cp").arg("-r").arg(&data).arg(&copy))?;
    if fs::rename(&copy, &kept).is_err() {
        fs::remove_dir_all(&copy)?;
    }
    Ok(kept)
}

/// A program of the newest PostgreSQL that is installed. Debian keeps most of them out of `PATH`.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(|path| number(path));
    Ok(newest.map(|version| version.join("bin").join(name)).filter(|program| program.is_file()).unwrap_or_else(|| name.into()))
}

/// PostgreSQL does not run as root: it runs as the user of its package then.
fn as_user(mut command: Command) -> anyhow::Result<Command> {
    if let Some((user, group)) = user()? {
        command.uid(user).gid(group);
    }
    command.current_dir("/");
    Ok(command)
}

/// Gives a folder and all in it to that user.
fn own(folder: &Path) -> anyhow::Result<()> {
    if let Some((user, group)) = user()? {
        run(Command::new("chown").args(["-R", &format!("{user}:{group}")]).arg(folder))?;
    }
    Ok(())
}

fn user() -> anyhow::Result<Option<(u32, u32)>> {
    if run(Command::new("id").arg("-u"))? != "0" {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let Some(fields) = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == "postgres")
    else {
        bail!("there is no user `postgres`, as whom root runs PostgreSQL");
    };
    Ok(Some((fields[2].parse()?, fields[3].parse()?)))
}
