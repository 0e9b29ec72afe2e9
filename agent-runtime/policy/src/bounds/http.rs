//! Which hosts, addresses and ports a permitted call may reach.
//!
//! A list of one policy admits or does not; every list must admit. What is closed by nature (private networks, names of the
//! cluster, ports of other protocols) is opened only by an entry of every list that says so exactly. Where no policy has a
//! list, the places that the agent's own spec names stand in for one.

use std::net::{IpAddr, SocketAddr};

use skreaver_protocol::policy::HttpSection;

use super::address::{Class, Opening, class, with_inner};
use super::entry::Entry;
use super::host::{Host, inside};
use super::refusal::{Reason, Refusal, Section, listed, shown};
use super::{Bounds, Ground, Sections};
use crate::RuleProblem;

/// The section `http` of one policy.
#[derive(Debug, Clone, Default)]
pub(super) struct HttpRules {
    allow: Option<Vec<Entry>>,
    deny: Vec<Entry>,
}

/// A host and port that every policy admits by name. What it leads to is judged by [`Bounds::address`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    host: Host,
    port: u16,
}

impl Named {
    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl HttpRules {
    pub(super) fn compile(section: &HttpSection, problems: &mut Vec<RuleProblem>) -> Self {
        let HttpSection { allow_domains, deny_domains } = section;
        let allow = allow_domains.as_ref().map(|entries| compile("allow_domains", entries, problems));
        for (index, entry) in allow.iter().flatten().enumerate().filter(|(_, entry)| entry.is_too_wide_to_allow()) {
            let message = format!(
                "`{}` is too wide to open anything: name the networks in it, or write `*` for all public hosts",
                entry.text
            );
            problems.push(RuleProblem { path: format!("http.allow_domains[{index}]"), message });
        }
        Self { allow, deny: compile("deny_domains", deny_domains, problems) }
    }
}

fn compile(list: &str, entries: &[String], problems: &mut Vec<RuleProblem>) -> Vec<Entry> {
    let mut compiled = Vec::with_capacity(entries.len());
    for (index, text) in entries.iter().enumerate() {
        match Entry::parse(text) {
            Ok(entry) => compiled.push(entry),
            Err(message) => problems.push(RuleProblem { path: format!("http.{list}[{index}]"), message }),
        }
    }
    compiled
}

impl Bounds {
    /// Whether a host may be reached on a port, as far as its name tells. Ask before the name is resolved: a question to the
    /// DNS leaves the machine as well.
    ///
    /// # Errors
    /// The first refusal, in the order of the policies.
    pub fn host(&self, host: &Host, port: u16) -> Result<Named, Refusal> {
        let named = Named { host: host.clone(), port };
        self.is_not_denied(&named, None, |entry| entry.means(host, port))?;
        self.is_allowed(&named)?;
        match host {
            Host::Address(address) => self.address(&named, *address).map(drop)?,
            Host::Name(name) => self.is_outside_or_opened(&named, name)?,
        }
        self.is_open_port(&named)?;
        Ok(named)
    }

    /// What can be said of a URL before anything is resolved. What is no URL is for others to refuse.
    ///
    /// # Errors
    /// As [`Bounds::host`].
    pub fn foresee(&self, url: &str) -> Result<(), Refusal> {
        let Some((host, port)) =
            url::Url::parse(url).ok().and_then(|url| Some((Host::of(url.host()?)?, url.port_or_known_default()?)))
        else {
            return Ok(());
        };
        self.host(&host, port).map(drop)
    }

    /// Whether an address to which a name leads may be dialled, and the socket to dial.
    ///
    /// # Errors
    /// The first refusal, in the order of the policies.
    pub fn address(&self, named: &Named, address: IpAddr) -> Result<SocketAddr, Refusal> {
        for address in with_inner(address) {
            self.is_not_denied(named, Some(address), |entry| entry.covers(address, named.port))?;
            self.is_open(named, address)?;
        }
        Ok(SocketAddr::new(address.to_canonical(), named.port))
    }

    fn is_not_denied(&self, named: &Named, address: Option<IpAddr>, means: impl Fn(&Entry) -> bool) -> Result<(), Refusal> {
        for (policy, http) in self.http() {
            let Some(entry) = http.deny.iter().find(|entry| means(entry)) else { continue };
            let allowed = match &http.allow {
                Some(allow) => format!("allowed are {}", entries(allow)),
                None => "allowed is every public host that `deny_domains` does not mean".to_owned(),
            };
            let why = format!("the entry `{}` of `deny_domains` means it", shown(&entry.text));
            let refusal = refuse(named, address, Reason::Denied, why, allowed);
            return Err(Refusal {
                policy: Some(policy.name.as_str().into()),
                entry: Some(entry.text.as_str().into()),
                ..refusal
            });
        }
        Ok(())
    }

    fn is_allowed(&self, named: &Named) -> Result<(), Refusal> {
        if self.only.is_some() && !self.is_own(named) {
            let why = "it is not the place that the spec names for this source".to_owned();
            return Err(refuse(named, None, Reason::NotAllowed, why, "allowed is that place alone".to_owned()));
        }
        for (policy, allow) in self.lists() {
            if !allow.iter().any(|entry| entry.means(&named.host, named.port)) {
                let why = "no entry of `allow_domains` means it".to_owned();
                let refusal = refuse(named, None, Reason::NotAllowed, why, format!("allowed are {}", entries(allow)));
                return Err(Refusal { policy: Some(policy.name.as_str().into()), ..refusal });
            }
        }
        Ok(())
    }

    fn is_outside_or_opened(&self, named: &Named, name: &str) -> Result<(), Refusal> {
        let Some(why) = inside(name) else { return Ok(()) };
        self.opened(self.is_own(named), |entry| entry.names(&named.host, named.port)).map_err(|policy| {
            let allowed = "an entry of `allow_domains` that is exactly this name opens it".to_owned();
            Refusal { policy, ..refuse(named, None, Reason::InsideName, why.to_owned(), allowed) }
        })
    }

    /// Ports below 1024 belong to other protocols, whose servers may take a request for theirs.
    fn is_open_port(&self, named: &Named) -> Result<(), Refusal> {
        if matches!(named.port, 80 | 443 | 1024..) {
            return Ok(());
        }
        self.opened(self.is_own(named), |entry| entry.port.is_some() && entry.means(&named.host, named.port)).map_err(|policy| {
            let why = format!("port {} is not one of HTTP", named.port);
            let allowed =
                "80, 443 and ports from 1024 on are open, others by an entry of `allow_domains` with that port".to_owned();
            Refusal { policy, ..refuse(named, None, Reason::ClosedPort, why, allowed) }
        })
    }

    fn is_open(&self, named: &Named, address: IpAddr) -> Result<(), Refusal> {
        let class = class(address);
        let port = named.port;
        let opened = match class.opening {
            Opening::Open => Ok(()),
            Opening::Explicit => {
                self.opened(self.is_own(named), |entry| entry.names(&named.host, port) || entry.covers(address, port))
            }
            Opening::Literal => {
                let own = self.own.ground == Ground::Laptop && class.is_loopback() && self.is_own(named);
                self.opened(own, |entry| entry.is(address, port))
            }
            Opening::Never => Err(None),
        };
        opened.map_err(|policy| Refusal { policy, ..closed(named, address, class) })
    }

    /// Whether every list has such an entry; `own` is the answer where there is no list. Else the first policy that has none.
    fn opened(&self, own: bool, opens: impl Fn(&Entry) -> bool) -> Result<(), Option<Box<str>>> {
        let mut lists = self.lists().peekable();
        if lists.peek().is_none() {
            return if own { Ok(()) } else { Err(None) };
        }
        match lists.find(|(_, allow)| !allow.iter().any(&opens)) {
            Some((policy, _)) => Err(Some(policy.name.as_str().into())),
            None => Ok(()),
        }
    }

    /// The lists of what is allowed, where they are asked.
    fn lists(&self) -> impl Iterator<Item = (&Sections, &[Entry])> {
        let lists = self.http().filter_map(|(policy, http)| Some((policy, http.allow.as_deref()?)));
        lists.filter(|_| self.only.is_none())
    }

    fn is_own(&self, named: &Named) -> bool {
        self.own.places.iter().any(|(host, port)| *host == named.host && *port == named.port)
    }

    fn http(&self) -> impl Iterator<Item = (&Sections, &HttpRules)> {
        self.policies.iter().map(|policy| (&**policy, &policy.http))
    }
}

fn closed(named: &Named, address: IpAddr, class: &Class) -> Refusal {
    let allowed = match class.opening {
        Opening::Explicit | Opening::Open => {
            "an entry of `allow_domains` that is exactly this name, this address or a network around it opens it"
        }
        Opening::Literal => "an entry of `allow_domains` that is exactly this address opens it",
        Opening::Never => "nothing opens it",
    };
    refuse(named, Some(address), Reason::ClosedAddress, format!("{address} is {}", class.name), allowed.to_owned())
}

fn refuse(named: &Named, address: Option<IpAddr>, reason: Reason, why: String, allowed: String) -> Refusal {
    let what = match (&named.host, address) {
        (Host::Name(name), Some(address)) => format!("{}:{} at {address}", shown(name), named.port),
        (host, _) => format!("{}:{}", shown(&host.to_string()), named.port),
    };
    Refusal {
        policy: None,
        section: Section::Http,
        entry: None,
        reason,
        what: what.into(),
        why: why.into(),
        allowed: allowed.into(),
    }
}

fn entries(list: &[Entry]) -> String {
    listed(list.iter().map(|entry| entry.text.as_str()))
}
