//! Load: one request over and over, by wrk.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::json;
use tempfile::TempDir;

use crate::Server;

/// A request that is made over and over.
pub struct Load {
    path: String,
    /// Each of the lines `name: value`.
    headers: Vec<String>,
    body: String,
    expected: String,
    folder: TempDir,
}

impl Load {
    /// Tells an agent this. An answer that does not hold what is expected spoils the measurement.
    ///
    /// # Errors
    /// When there is no place for wrk's script.
    pub fn new(agent: &str, input: &str, expected: &str) -> anyhow::Result<Self> {
        Self::post(&format!("/agents/{agent}/observe"), &[], &json!({ "input": input }).to_string(), expected)
    }

    /// Sends this JSON there, with these headers too.
    ///
    /// # Errors
    /// When there is no place for wrk's script.
    pub fn post(path: &str, headers: &[(&str, &str)], body: &str, expected: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let headers: Vec<_> = [("content-type", "application/json")].iter().chain(headers).collect();
        let mut script = format!("wrk.method = 'POST'\nwrk.body = [[{body}]]\n");
        for (name, value) in &headers {
            script.push_str(&format!("wrk.headers['{name}'] = '{value}'\n"));
        }
        fs::write(folder.path().join("request.lua"), script)?;
        let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        Ok(Self { path: path.to_owned(), headers, body: body.to_owned(), expected: expected.to_owned(), folder })
    }

    /// Seconds of the server's CPU for each answer, over so many connections and so long, after a second of warming up.
    ///
    /// # Errors
    /// When an answer is not as expected, or the server gone.
    pub fn cpu_seconds_per_answer(&self, server: &Server, connections: u32, duration: Duration) -> anyhow::Result<f64> {
        self.check(server)?;
        self.run(server, connections, Duration::from_secs(1))?;
        let before = server.cpu_seconds()?;
        let answers = self.run(server, connections, duration)?;
        Ok((server.cpu_seconds()? - before) / answers)
    }

    /// Asks so long over so many connections; returns how many answers came. One that is not 200 spoils it.
    ///
    /// # Errors
    /// When one is not 200, or there is no wrk.
    pub fn run(&self, server: &Server, connections: u32, duration: Duration) -> anyhow::Result<f64> {
        let script = self.folder.path().join("request.lua");
        let mut wrk = Command::new("wrk");
        wrk.args(["--threads=1", "--timeout=30s"]);
        wrk.arg(format!("--connections={connections}")).arg(format!("--duration={}s", duration.as_secs()));
        let output = wrk.arg("--script").arg(script).arg(format!("http://{}{}", server.address, self.path)).output();
        let output = output.context("failed to run wrk; install the Debian package wrk")?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || text.contains("Non-2xx") || text.contains("Socket errors") {
            bail!("wrk: {text}{}", String::from_utf8_lossy(&output.stderr));
        }
        let count = text.lines().find_map(|line| line.trim().split_once(" requests in ")).context("wrk prints its count")?.0;
        Ok(count.parse()?)
    }

    /// Asks once, and looks at the answer.
    ///
    /// # Errors
    /// When it is not as expected.
    pub fn check(&self, server: &Server) -> anyhow::Result<()> {
        let Self { path, headers, body, expected, folder: _ } = self;
        let mut stream = TcpStream::connect(server.address)?;
        let length = body.len();
        write!(stream, "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", server.address)?;
        write!(stream, "{}content-length: {length}\r\n\r\n{body}", headers.concat())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if !answer.starts_with("HTTP/1.1 200") || !answer.contains(expected) {
            bail!("the answer is not as expected: {answer}");
        }
        Ok(())
    }
}
