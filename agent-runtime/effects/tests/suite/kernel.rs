//! The same attacks in a network of their own, in which every address of both families leads to us: the kernel is the judge,
//! and no double of a network stands in between.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::json;
use skreaver_effects::Guard;
use skreaver_effects::http::{self, Client, Network};
use tokio::net::{TcpListener, TcpStream};

use crate::hostile::{all_bounds, cases, hex, lead, redirected};
use crate::support::{self, Loopback, PUBLIC, answer, arguments, serve_on, stride};

/// Set inside of the namespace: outside, ports 80 and 8080 are somebody's.
const INSIDE: &str = "SKREAVER_NETWORK_OF_ITS_OWN";

/// Whoever is root of a namespace makes all addresses local to it.
const SETUP: &str = "ip link set lo up && ip route add local 0.0.0.0/0 dev lo && ip -6 route add local ::/0 dev lo";

/// Root needs no user namespace, which some machines do not give.
fn unshare(script: &str) -> Command {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--net", "sh", "-c", script]);
    command
}

#[test]
fn in_a_network_where_every_address_answers_no_hostile_url_is_answered() {
    if !unshare(SETUP).output().is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "CI has to give a network namespace: nothing is skipped there");
        println!("skipped: this machine gives no network namespace");
        return;
    }
    let attack = format!("{SETUP} && exec \"$0\" --exact kernel::attacks --ignored --nocapture");
    let output = unshare(&attack).arg(std::env::current_exe().unwrap()).env(INSIDE, "1").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let line = told.lines().find(|line| line.contains("reached 0 times"));
    println!("{}", line.unwrap_or_else(|| panic!("{told}")));
}

/// Names as a table has them, and connections as the kernel makes them.
#[derive(Debug)]
struct Dialled(Arc<Loopback>);

#[async_trait]
impl Network for Dialled {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.0.resolve(name).await
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(address).await
    }
}

/// Listens on every address: honest at the public one, and counting at all others.
async fn listen(reached: &Arc<AtomicUsize>) {
    for port in [80, 8080] {
        let listener = TcpListener::bind(("::", port)).await.unwrap();
        let reached = reached.clone();
        serve_on(listener, move |seen| {
            if seen.at == PUBLIC.parse::<IpAddr>().unwrap() {
                return redirected(seen);
            }
            reached.fetch_add(1, Ordering::SeqCst);
            answer(200, &[], b"CANARY")
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs in a network of its own, where another test puts it"]
async fn attacks() {
    if std::env::var_os(INSIDE).is_none() {
        return;
    }
    let reached = Arc::new(AtomicUsize::new(0));
    listen(&reached).await;
    let nowhere = "127.0.0.1:1".parse().unwrap();
    let names = Loopback::new(nowhere, nowhere);
    let guard = Guard::new(Client::trusting(Arc::new(Dialled(names.clone())), None).unwrap());
    let (cases, mut tried) = (cases(), 0);
    for (index, (url, address)) in cases.iter().enumerate().step_by(stride()) {
        lead(&names, address);
        for (turn, bounds) in all_bounds().iter().enumerate() {
            let through = format!("http://honest.example/?to={}", hex(url));
            let url = if (index + turn) % 2 == 0 { url } else { &through };
            let answered = http::get(&guard, bounds, arguments(json!({"url": url}))).await;
            assert_eq!(reached.load(Ordering::SeqCst), 0, "{url:?} with {address} was answered by {answered:?}");
            tried += 1;
        }
    }
    println!(
        "{tried} requests of {} hostile URLs over real sockets: anything was reached {} times",
        cases.len(),
        reached.load(Ordering::SeqCst)
    );
    // The judge can tell: what a policy opens is reached, wherever it lies.
    for (count, address) in ["10.0.0.1", "192.168.7.7", "fd00::7", "100.64.0.1"].iter().enumerate() {
        lead(&names, address);
        let open = support::http(Some(&["hostile.example"]), &[]);
        http::get(&guard, &open, arguments(json!({"url": "http://hostile.example/"}))).await.unwrap();
        assert_eq!(reached.load(Ordering::SeqCst), count + 1, "{address}");
    }
}
