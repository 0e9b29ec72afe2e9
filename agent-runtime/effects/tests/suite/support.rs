//! A network of our own on loopback, with a server for whoever is honest and a canary for everybody else.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use skreaver_effects::http::{Client, Network};
use skreaver_effects::{Bounds, Guard};
use skreaver_policy::bounds::{Own, Sections};
use skreaver_protocol::policy::{FsSection, HttpSection, ResourcesSection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Every case in a soak, and one of a hundred otherwise.
pub(crate) fn stride() -> usize {
    if soak() { 1 } else { 97 }
}

pub(crate) fn soak() -> bool {
    std::env::var_os("SKREAVER_SOAK").is_some()
}

/// The public address of everybody who is honest.
pub(crate) const PUBLIC: &str = "93.184.216.34";

/// What a name leads to, each time that it is asked for; the last answer stays.
type Answers = Vec<Vec<IpAddr>>;

/// A network in which public addresses lead to one server, and all others to one canary.
#[derive(Debug)]
pub(crate) struct Loopback {
    names: Mutex<HashMap<String, Answers>>,
    server: SocketAddr,
    canary: SocketAddr,
    pub(crate) resolved: AtomicUsize,
    pub(crate) dialled: Mutex<Vec<SocketAddr>>,
}

impl Loopback {
    pub(crate) fn new(server: SocketAddr, canary: SocketAddr) -> Arc<Self> {
        Arc::new(Self { names: Mutex::default(), server, canary, resolved: AtomicUsize::new(0), dialled: Mutex::default() })
    }

    pub(crate) fn name(&self, name: &str, answers: &[&[&str]]) {
        let answers = answers.iter().map(|answer| answer.iter().map(|address| address.parse().unwrap()).collect()).collect();
        self.names.lock().unwrap().insert(name.to_owned(), answers);
    }

    pub(crate) fn guard(self: &Arc<Self>) -> Guard {
        Guard::new(Client::trusting(self.clone(), None).unwrap())
    }
}

#[async_trait]
impl Network for Loopback {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.resolved.fetch_add(1, Ordering::SeqCst);
        let mut names = self.names.lock().unwrap();
        // Names that nobody knows are public: so all that keeps a hostile one out is what judges it.
        let Some(answers) = names.get_mut(name) else { return Ok(vec![PUBLIC.parse().unwrap()]) };
        Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.dialled.lock().unwrap().push(address);
        let honest = address.ip() == PUBLIC.parse::<IpAddr>().unwrap();
        TcpStream::connect(if honest { self.server } else { self.canary }).await
    }
}

/// A socket that nobody may reach, and how often somebody did.
pub(crate) async fn canary() -> (SocketAddr, Arc<AtomicUsize>) {
    let reached = Arc::new(AtomicUsize::new(0));
    let counted = reached.clone();
    let address = serve(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        answer(200, &[], b"CANARY")
    })
    .await;
    (address, reached)
}

/// A request as a server sees it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The address that was dialled.
    pub(crate) at: IpAddr,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// What stands between the method and the version.
    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// A server that answers each connection with the bytes that `answer` makes of its first request.
pub(crate) async fn serve(answer: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    serve_on(listener, answer);
    address
}

/// The same on a socket of the caller's.
pub(crate) fn serve_on(listener: TcpListener, answer: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) {
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let Some(seen) = request(&mut socket).await else { return };
                // Whoever goes away early does not want it.
                let _ = socket.write_all(&answer(&seen)).await;
                let _ = socket.shutdown().await;
            });
        }
    });
}

/// One request, read to its end.
pub(crate) async fn request(socket: &mut TcpStream) -> Option<Seen> {
    let at = socket.local_addr().ok()?.ip().to_canonical();
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let seen = Seen { at, head: String::from_utf8_lossy(&bytes[..end]).into_owned(), body: bytes[end + 4..].to_vec() };
            let length = seen.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            if seen.body.len() >= length {
                return Some(seen);
            }
        }
        match socket.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

/// A whole answer.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        answer.push_str(&format!("{name}: {value}\r\n"));
    }
    [answer.as_bytes(), b"\r\n", body].concat()
}

pub(crate) fn arguments<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The bounds of one policy with this section.
pub(crate) fn http(allow: Option<&[&str]>, deny: &[&str]) -> Bounds {
    let section = HttpSection { allow_domains: allow.map(strings), deny_domains: strings(deny) };
    Bounds::new(Own::default(), [Arc::new(Sections::compile("granite", Some(&section), None, None).unwrap())])
}

/// The bounds of one policy with this section.
pub(crate) fn fs(allow: Option<&[&str]>, deny: &[&str], own: Option<&std::path::Path>) -> Bounds {
    let section = FsSection { allow_paths: allow.map(strings), deny_patterns: strings(deny) };
    let own = Own { folder: own.map(Into::into), ..Own::default() };
    Bounds::new(own, [Arc::new(Sections::compile("granite", None, Some(&section), None).unwrap())])
}

/// The bounds of one policy with this section.
pub(crate) fn resources(section: &ResourcesSection) -> Bounds {
    Bounds::new(Own::default(), [Arc::new(Sections::compile("granite", None, None, Some(section)).unwrap())])
}

/// Files go nowhere near a network.
pub(crate) fn guard() -> Guard {
    let nowhere = "127.0.0.1:1".parse().unwrap();
    Loopback::new(nowhere, nowhere).guard()
}
