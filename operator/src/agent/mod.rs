//! The Agent controller: dereference -> render -> plan -> apply -> observe.

mod adopt;
mod apply;
mod children;
mod dereference;
mod ledger;
mod observe;
mod observe_policies;
mod plan;
pub(crate) mod policies;
mod problem;
mod rollout;
mod stores;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use jiff::Timestamp;
use kube::core::Resource;
use kube::runtime::controller::{self, Action, Controller};
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use skreaver_crds::{Agent, AgentStatus};
use skreaver_render::{Found, Settings, manifests, policy_bundle, resolve};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use children::is_controlled_by;
pub use ledger::AgentKey;
pub(crate) use problem::told;

use self::ledger::{Ledger, Memory};
use self::observe::{Observation, Policies, is_news, observe};
use self::plan::Step;
use self::problem::Problem;
use self::stores::{Stored, Stores};
use crate::control::hub::Hub;
use crate::malformed;
use crate::readiness::Readiness;
use crate::report::Reporter;
use crate::scope::Scope;
use crate::status::{self, newest};
use crate::watch::{drained, namespace_of};

/// Who we are in server-side apply.
pub(crate) const MANAGER: &str = "skreaver-agent-controller";
/// The name of the controller in metrics.
const NAME: &str = "agent";
/// How often a missing Secret is looked for: Secrets are not watched.
const SECRET_POLL: Duration = Duration::from_secs(5);
/// How often a taken name is looked at: a foreign object is not watched.
const TAKEN_POLL: Duration = Duration::from_secs(10);
/// Failures that pass by themselves are not told before this many in a row.
const PATIENCE: u32 = 3;

/// What every reconcile stands on.
pub(crate) struct Context {
    pub(crate) scope: Scope,
    pub(crate) settings: Arc<Settings>,
    /// Whether Secrets may be looked for; they are taken as present otherwise.
    pub(crate) check_secrets: bool,
    pub(crate) stores: Stores,
    pub(crate) hub: Arc<Hub>,
    pub(crate) reporter: Arc<Reporter>,
    ledger: Ledger,
    synced: watch::Receiver<bool>,
    stop: CancellationToken,
}

/// What the controller needs from outside.
pub struct Parts {
    /// The namespaces to work on.
    pub scope: Scope,
    /// What reaches the manifests.
    pub settings: Arc<Settings>,
    /// Whether Secrets may be looked for.
    pub check_secrets: bool,
    /// How many Agents are worked on at once.
    pub concurrency: u16,
    /// What the pods are told and tell.
    pub hub: Arc<Hub>,
    /// Where outcomes go.
    pub reporter: Arc<Reporter>,
    /// What the operator waits for.
    pub readiness: Arc<Readiness>,
}

/// Runs until told to stop, and finishes what it has begun.
pub async fn run(parts: Parts, stop: CancellationToken) {
    let Parts { scope, settings, check_secrets, concurrency, hub, reporter, readiness } = parts;
    let controller = Controller::<Stored>::new(scope.all(), watcher::Config::default());
    let (stores, wakes) = Stores::watch(&scope, &controller.store());
    let reports = hub.changes(scope.clone()).map(|key| kube::runtime::reflector::ObjectRef::new(&key.1).within(&key.0));
    let ledger = Ledger::default();
    let (tell, synced) = watch::channel(false);
    let ctx = Arc::new(Context { scope, settings, check_secrets, stores, hub, reporter, ledger, synced, stop: stop.clone() });
    let all = controller
        .with_config(controller::Config::default().concurrency(concurrency))
        .reconcile_on(wakes)
        .reconcile_on(reports)
        .graceful_shutdown_on(stop.clone().cancelled_owned())
        .run(reconcile, |_, never, _| match *never {}, ctx.clone())
        .for_each(async |result| forget_deleted(result, &ctx));
    let all = async { tokio::join!(all, ctx.stores.tell_when_synced(&ctx.scope, &readiness, tell)).0 };
    drained(all, &stop).await;
}

/// Children that go wake up their Agent; if that is gone too, so is the reason to remember it. No finalizer: everything is
/// owned, and goes with its owner.
fn forget_deleted<T>(result: Result<T, controller::Error<Infallible, watcher::Error>>, ctx: &Context) {
    match result {
        Ok(_) => {}
        Err(controller::Error::ObjectNotFound(gone)) => {
            let key = (gone.namespace.clone().unwrap_or_default(), gone.name.clone());
            ctx.ledger.forget(&key);
            ctx.hub.forget(&key);
        }
        Err(error) => tracing::warn!(%error, controller = NAME, "watch interrupted"),
    }
}

async fn reconcile(stored: Arc<Stored>, ctx: Arc<Context>) -> Result<Action, Infallible> {
    // Once we are told to stop nobody watches any more, and waiting would be for ever.
    let mut synced = ctx.synced.clone();
    let synced = ctx.stop.run_until_cancelled(synced.wait_for(|synced| *synced)).await.is_some_and(|synced| synced.is_ok());
    if !synced || stored.meta().deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let started = Instant::now();
    let (outcome, action) = match &stored.0 {
        Ok(agent) => drive(agent, &ctx).await,
        Err(invalid) => malformed::tell::<Agent>(invalid, &ctx.scope, MANAGER, &ctx.reporter).await,
    };
    ctx.reporter.count(NAME, outcome, started.elapsed());
    Ok(action)
}

/// Tries, and tells how it went: status on every path.
async fn drive(agent: &Agent, ctx: &Context) -> (&'static str, Action) {
    let key = (namespace_of(agent), agent.name_any());
    let mut memory = ctx.ledger.recall(&key, &agent.uid().unwrap_or_default());
    let mut policies = None;
    let problem = attempt(agent, &mut memory, &mut policies, ctx).await.err();
    memory.failures = if problem.is_some() { memory.failures.saturating_add(1) } else { 0 };
    let reports = ctx.hub.reports(&key, Instant::now());
    let deployment = ctx.stores.children.deployment(&key.0, &key.1);
    let before = newest(agent.resource_version().as_deref(), agent.status.as_ref(), memory.status.as_ref());
    let after = observe(&Observation {
        agent,
        problem: problem.as_ref(),
        policies: policies.as_ref(),
        deployment: deployment.as_deref(),
        applied_generation: memory.applied_generation(),
        reports: &reports,
        before: &before,
        cluster_domain: &ctx.settings.cluster_domain,
        now: Timestamp::now(),
    });
    let patient = problem.as_ref().is_some_and(Problem::is_passing) && memory.failures < PATIENCE;
    let told = if patient || !is_news(&before, &after) { Ok(()) } else { tell(agent, &before, after, &mut memory, ctx).await };
    let outcome = problem.as_ref().or(told.as_ref().err()).map_or("Reconciled", |problem| problem.reason().name());
    if let Some(problem) = &problem {
        // Once, and not again each time it is looked at.
        match memory.failures {
            1 => tracing::warn!(namespace = key.0, agent = key.1, reason = outcome, %problem, "agent not as wanted"),
            _ => tracing::debug!(namespace = key.0, agent = key.1, reason = outcome, %problem, "agent not as wanted"),
        }
    }
    let action = next(problem.as_ref().or(told.as_ref().err()), memory.failures, reports.settles_in);
    ctx.ledger.remember(key, memory);
    (outcome, action)
}

async fn attempt(agent: &Agent, memory: &mut Memory, policies: &mut Option<Policies>, ctx: &Context) -> Result<(), Problem> {
    let inputs = dereference::dereference(agent, memory, ctx).await?;
    let required = ctx.settings.require_tool_policy;
    let bundle = policy_bundle(&inputs.policies, required, inputs.previous.as_ref(), inputs.at_least);
    memory.bundle = Some(bundle.clone());
    let told = Policies { in_force: inputs.policies, bundle };
    match planned(agent, &inputs.found, &told, memory, ctx).await {
        Ok(steps) => {
            apply::apply(agent, steps, &told.bundle, memory, ctx).await?;
            *policies = Some(told);
            Ok(())
        }
        // A spec that cannot be applied is no way around the policies.
        Err(problem @ (Problem::Unresolved(_) | Problem::NameTaken(_))) => {
            if apply::apply_policies(agent, &told.bundle, ctx).await? {
                *policies = Some(told);
            }
            Err(problem)
        }
        Err(problem @ Problem::Api { .. }) => Err(problem),
    }
}

async fn planned(
    agent: &Agent,
    found: &Found,
    told: &Policies,
    memory: &mut Memory,
    ctx: &Context,
) -> Result<Vec<Step>, Problem> {
    let resolved = resolve(agent, found).map_err(Problem::Unresolved)?;
    plan::plan(agent, manifests(&resolved, &told.bundle, &ctx.settings), memory, ctx).await
}

async fn tell(
    agent: &Agent,
    before: &AgentStatus,
    after: AgentStatus,
    memory: &mut Memory,
    ctx: &Context,
) -> Result<(), Problem> {
    let api: Api<Agent> = ctx.scope.within(&namespace_of(agent));
    match status::write(&api, agent, MANAGER, &after).await {
        Ok(written) => memory.status = Some(written),
        // It went, or a namesake came.
        Err(kube::Error::Api(error)) if matches!(error.code, 404 | 409) => return Ok(()),
        Err(error) => return Err(Problem::api("write the status of", "Agent", &agent.name_any())(error)),
    }
    ctx.reporter.changed(&agent.object_ref(&()), &before.conditions, &after.conditions).await;
    Ok(())
}

/// When to look again: on a change, and where changes are not seen, after a while.
fn next(problem: Option<&Problem>, failures: u32, settles_in: Option<Duration>) -> Action {
    match problem {
        None => settles_in.map_or_else(Action::await_change, Action::requeue),
        Some(Problem::Unresolved(_)) => Action::requeue(SECRET_POLL),
        Some(Problem::NameTaken(_)) => Action::requeue(TAKEN_POLL),
        Some(Problem::Api { .. }) => Action::requeue(Duration::from_millis(500 << failures.min(7))),
    }
}
