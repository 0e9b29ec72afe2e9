//! Text in which there is no secret, though much of it looks random: what the detectors must leave alone.

use crate::generator::{Dice, make};

/// Written by hand, one to a line.
const LINES: &str = include_str!("honest.txt");

/// What fills repositories, logs and answers, with other dice each time.
const TEMPLATES: [&str; 40] = [
    "commit {h:40}",
    "{h:7} Fix the token count of sessions",
    "Merge branch 'x' of {h:12} into {h:12}",
    "id: {uuid}",
    "\"request_id\": \"{uuid}\", \"trace\": \"{h:32}\", \"span\": \"{h:16}\"",
    "checksum = \"{h:64}\"",
    "source = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"{h:64}\"",
    "\"integrity\": \"sha512-{b:86}==\"",
    "      \"resolved\": \"https://registry.example.org/x/-/x-1.{d:1}.{d:2}.tgz#{h:40}\",",
    "requests==2.31.{d:1} --hash=sha256:{h:64}",
    "image: ghcr.io/a/b@sha256:{h:64}",
    "golang.org/x/net v0.{d:2}.0 h1:{b:43}=",
    "![x](data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA{b:400}==)",
    "<img src=\"data:image/jpeg;base64,/9j/4AAQSkZJRgABAQ{b:300}\">",
    "@font-face{src:url(data:font/woff2;base64,d09GMgABAAAAA{b:300})}",
    "ETag: W/\"{h:32}\"",
    "Set-Cookie: theme=dark; Path=/; Expires=Wed, 25 Nov 2026 04:00:00 GMT",
    "{h:32}  file-{d:3}.tar.gz",
    "{\"tokens\": {d:4}, \"max_tokens\": {d:4}, \"token_type\": \"Bearer\", \"expires_in\": 3600}",
    "secretName: tls-{l:5}-{l:4}-{d:2}",
    "  - name: TOKEN\n    valueFrom: {secretKeyRef: {name: {l:6}-credentials, key: token}}",
    "passwordHash: \"$2b$12${a:53}\"",
    "serviceAccount: {l:6}-{l:5}-sa  # token is mounted at /var/run/secrets/kubernetes.io/serviceaccount/token",
    "pod/{l:6}-{h:10}-{L:5} 1/1 Running",
    "arn:aws:iam::{d:12}:role/{l:8}",
    "https://x.example/watch?v={w:11}&list=PL{w:32}",
    "https://cdn.example/assets/app.{h:20}.js",
    "!function(e,t){var n=\"{a:3}\";e.token=t.secret||n,e.password=t.getPassword(),e.k{d:1}=function(){return{a:{d:3}}}}(this);",
    "const apiKey = process.env.API_KEY_{u:4}; const password = await prompt('Password: ');",
    "let token = self.tokens.get(&id_{d:3}).cloned().unwrap_or_default();",
    "-----BEGIN CERTIFICATE-----\nMIID{b:60}\n{b:64}\n{b:20}==\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMIIB{b:60}\n{b:40}==\n-----END PUBLIC KEY-----",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{b:43} joe@host",
    "{A:10}-{A:4} ordered {d:2} of {A:8}",
    "0x{h:40} sent {d:2} to 0x{h:40} in 0x{h:64}",
    "Content-Type: multipart/form-data; boundary=----WebKitFormBoundary{a:16}",
    "nonce-{b:22}== script-src 'sha256-{b:43}='",
    "key: {l:6}/{l:8}/{h:8}  size: {d:6}",
    "{d:4}-{d:4}-{d:4} and {d:3}-{d:8}, extension {d:4}",
    "session {w:22} of user {d:8} has ended",
];

/// The lines, and so many that are made.
pub fn texts(made: usize) -> impl Iterator<Item = String> {
    let mut dice = Dice(2026);
    let made = (0..made).map(move |index| make(TEMPLATES[index % TEMPLATES.len()], &mut dice).0);
    LINES.split('\n').filter(|line| !line.is_empty()).map(str::to_owned).chain(made)
}
