//! The parts of the operator, and who starts and ends whom.

use std::sync::Arc;

use anyhow::Context as _;
use axum::http::{HeaderValue, header};
use futures::future;
use kube::{Api, Client};
use prometheus::Registry;
use skreaver_render::{ControlSettings, Settings};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::args::Args;
use crate::control::authority::Authority;
use crate::control::hub::Hub;
use crate::control::leader_label::{self, Pods};
use crate::control::server;
use crate::http::{self, Admin};
use crate::keys::{self, Loopback};
use crate::leader::Candidate;
use crate::readiness::Readiness;
use crate::report::Reporter;
use crate::{Scope, agent, tool_policy};

/// What all parts stand on.
struct Base {
    args: Args,
    client: Client,
    reporter: Arc<Reporter>,
    readiness: Arc<Readiness>,
}

/// Runs until told to stop.
///
/// # Errors
/// If it cannot start, or loses the Lease while it leads.
pub async fn run(args: Args, stop: CancellationToken) -> anyhow::Result<()> {
    let settings = args.settings()?;
    let client = connect().await.context("failed to find the API server")?;
    let registry = Registry::new();
    let process = prometheus::process_collector::ProcessCollector::for_self();
    registry.register(Box::new(process)).context("failed to register metrics")?;
    let reporter = Arc::new(Reporter::new(client.clone(), &args.pod_name, &registry).context("failed to register metrics")?);
    let readiness = Arc::new(Readiness::default());
    let listener = TcpListener::bind(args.admin_listen).await.context("failed to listen on the admin port")?;
    let admin = Admin { readiness: Arc::clone(&readiness), registry };
    let ended = CancellationToken::new();
    let base = Base { args, client, reporter, readiness };
    let work = async {
        let _done = ended.clone().drop_guard();
        base.lead(settings, &stop).await
    };
    let (worked, served) = tokio::join!(work, http::serve(listener, admin, ended.clone()));
    worked.and(served.context("the admin port failed"))
}

/// A client that says who it is: audit logs tell writers apart by that.
async fn connect() -> anyhow::Result<Client> {
    let mut config = kube::Config::infer().await?;
    let name = HeaderValue::from_static(concat!("skreaver-operator/", env!("CARGO_PKG_VERSION")));
    config.headers.push((header::USER_AGENT, name));
    Ok(Client::try_from(config)?)
}

impl Base {
    async fn lead(&self, settings: Settings, stop: &CancellationToken) -> anyhow::Result<()> {
        if !self.args.leader_elect {
            return self.act(settings, stop.clone()).await;
        }
        let leases = Api::namespaced(self.client.clone(), &self.args.namespace);
        if self.args.control_service.is_some() {
            leader_label::drop(&self.pods(), &self.args.pod_name).await.context("failed to unlabel a standby's pod")?;
        }
        let candidate = Candidate::new(leases, self.args.pod_name.clone());
        if !candidate.acquire(stop).await {
            return Ok(());
        }
        tracing::info!(pod = self.args.pod_name, "leading");
        let done = CancellationToken::new();
        let acting = async {
            let _done = done.clone().drop_guard();
            self.act(settings, stop.clone()).await
        };
        // The Lease is held until the last write is done. When it is lost, nothing is finished: somebody else may act already.
        tokio::select! {
            biased;
            lost = candidate.hold(&done) => lost?,
            acted = acting => acted?,
        }
        candidate.release().await;
        Ok(())
    }

    async fn act(&self, mut settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
        self.readiness.leads();
        self.reporter.is_leader.set(1);
        let hub = Arc::new(Hub::default());
        let scopes = Scope::each(&self.client, &self.args.namespaces());
        let channel = match &self.args.control_service {
            Some(service) => Some(self.open_channel(service, &mut settings, &hub, &scopes).await?),
            None => None,
        };
        let issuer = keys::learn_cluster(&self.client, &hub.issuers).await;
        settings.auth.issuer = Some(issuer.context("failed to learn who issues the tokens of ServiceAccounts")?);
        let settings = Arc::new(settings);
        let loopback = if self.args.issuers_on_loopback { Loopback::Open } else { Loopback::Closed };
        let fresh = keys::keep_fresh(self.client.clone(), loopback, Arc::clone(&hub), stop.clone());
        let controllers = future::join_all(scopes.into_iter().map(|scope| self.controllers(scope, &settings, &hub, &stop)));
        match channel {
            None => drop(tokio::join!(controllers, fresh)),
            Some((listener, parts)) => {
                let (_, (), served) = tokio::join!(controllers, fresh, server::serve(listener, parts, stop.clone()));
                served.context("the control channel failed")?;
            }
        }
        Ok(())
    }

    /// Everything for the control channel: who signs, who is let in, and where pods find it.
    async fn open_channel(
        &self,
        service: &str,
        settings: &mut Settings,
        hub: &Arc<Hub>,
        scopes: &[Scope],
    ) -> anyhow::Result<(TcpListener, server::Parts)> {
        let (namespace, domain) = (&self.args.namespace, &settings.cluster_domain);
        let authority = Authority::load_or_create(&Api::namespaced(self.client.clone(), namespace)).await?;
        let host = format!("{service}.{namespace}");
        let names = vec![format!("{host}.svc.{domain}"), format!("{host}.svc"), host];
        let ca = authority.certificate.clone();
        settings.control = Some(ControlSettings { namespace: namespace.clone(), service: service.to_owned(), ca });
        let listener = TcpListener::bind(self.args.control_listen).await.context("failed to listen on the control port")?;
        leader_label::take(&self.pods(), &self.args.pod_name).await.context("failed to label the leader's pod")?;
        let (client, reporter) = (self.client.clone(), Arc::clone(&self.reporter));
        let parts = server::Parts { client, scopes: scopes.to_vec(), hub: Arc::clone(hub), reporter, authority, names };
        Ok((listener, parts))
    }

    fn pods(&self) -> Pods {
        Api::namespaced(self.client.clone(), &self.args.namespace)
    }

    async fn controllers(&self, scope: Scope, settings: &Arc<Settings>, hub: &Arc<Hub>, stop: &CancellationToken) {
        let concurrency = self.args.max_concurrent_reconciles;
        let parts = agent::Parts {
            scope: scope.clone(),
            settings: Arc::clone(settings),
            check_secrets: self.args.check_secrets,
            terms: self.args.terms(),
            concurrency,
            hub: Arc::clone(hub),
            reporter: Arc::clone(&self.reporter),
            readiness: Arc::clone(&self.readiness),
        };
        let policies = tool_policy::run(scope, concurrency, Arc::clone(&self.reporter), stop.clone());
        tokio::join!(agent::run(parts, stop.clone()), policies);
    }
}
