//! The Agent controller: dereference -> render -> plan -> apply -> observe.

mod adopt;
mod apply;
mod approvals;
mod caller_keys;
mod children;
mod dereference;
mod ledger;
mod observe;
mod observe_components;
mod observe_policies;
mod peers;
mod pins;
mod plan;
pub(crate) mod policies;
mod problem;
mod rollout;
mod stores;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt, stream};
use jiff::Timestamp;
use kube::core::{ObjectMeta, Resource};
use kube::runtime::controller::{self, Action, Controller};
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use skreaver_crds::{Agent, AgentSpec, AgentStatus};
use skreaver_render::{ChildKind, Settings, Told, agent_facts, manifests, policy_bundle, references, resolve};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use approvals::Terms;
pub(crate) use approvals::reason as approval_reason;
pub(crate) use children::is_controlled_by;
pub use ledger::AgentKey;
pub(crate) use problem::told;

use self::caller_keys::CallerKeys;
use self::ledger::{Ledger, Memory};
use self::observe::{Observation, Policies, is_news, observe, overdue_in};
use self::pins::Pins;
use self::problem::Problem;
use self::rollout::Rollout;
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
/// How often a Service is looked at that lies where nothing is watched.
const UNSEEN_POLL: Duration = Duration::from_secs(30);
/// How long an Agent is left alone after a panic of ours.
const AFTER_PANIC: Duration = Duration::from_secs(60);
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
    /// How long ToolApprovals last.
    pub(crate) terms: Terms,
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
    /// How long ToolApprovals last.
    pub terms: Terms,
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
    let Parts { scope, settings, check_secrets, terms, concurrency, hub, reporter, readiness } = parts;
    let (stores, wakes) = Stores::watch(&scope, &settings);
    // Agents wake up themselves and others, so all that wakes them up is one stream.
    let controller = Controller::for_stream(stream::empty(), stores.agents.clone());
    let reports = hub.changes(scope.clone()).map(|key| kube::runtime::reflector::ObjectRef::new(&key.1).within(&key.0));
    let ledger = Ledger::default();
    let (tell, synced) = watch::channel(false);
    let ctx =
        Arc::new(Context { scope, settings, check_secrets, terms, stores, hub, reporter, ledger, synced, stop: stop.clone() });
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
    if !synced {
        return Ok(Action::await_change());
    }
    if stored.meta().deletion_timestamp.is_some() {
        return Ok(deliver_policies(stored.meta().clone(), &ctx).await);
    }
    let started = Instant::now();
    // One Agent that makes us panic must not take the others down with it.
    let outcome = AssertUnwindSafe(one(&stored, &ctx)).catch_unwind().await;
    let (outcome, action) = outcome.unwrap_or_else(|_| {
        tracing::error!(namespace = namespace_of(&*stored), agent = stored.name_any(), "a reconcile panicked, which is a bug");
        ("Panicked", Action::requeue(AFTER_PANIC))
    });
    ctx.reporter.count(NAME, outcome, started.elapsed());
    Ok(action)
}

async fn one(stored: &Stored, ctx: &Context) -> (&'static str, Action) {
    match &stored.0 {
        Ok(agent) => drive(agent, ctx).await,
        Err(invalid) => {
            let told = malformed::tell::<Agent>(invalid, &ctx.scope, MANAGER, &ctx.reporter).await;
            deliver_policies(invalid.metadata.clone(), ctx).await;
            told
        }
    }
}

/// Tries, and tells how it went: status on every path.
async fn drive(agent: &Agent, ctx: &Context) -> (&'static str, Action) {
    let key = (namespace_of(agent), agent.name_any());
    let mut memory = ctx.ledger.recall(&key, &agent.uid().unwrap_or_default());
    let reports = ctx.hub.reports(&key, Instant::now());
    let of_pods = ChildKind::of_pods(&agent.spec);
    let before = newest(agent.resource_version().as_deref(), agent.status.as_ref(), memory.status.as_ref());
    let pods = ctx.stores.children.pods(of_pods, &key.0, &key.1);
    let serves_newest = before.observed_generation == agent.metadata.generation
        && rollout::rollout(pods.as_ref(), memory.applied_generation(of_pods)) == Rollout::Serving;
    let pinned = pins::pinned(agent, &before, &reports, serves_newest);
    let mut policies = None;
    let auth = CallerKeys::look_up(agent, &key, ctx);
    let problem = attempt(agent, pins::pins(&pinned), &auth, &mut memory, &mut policies, ctx).await.err();
    if let Some(keys) = &memory.keys {
        ctx.hub.publish_keys(&key, keys);
    }
    memory.failures = if problem.is_some() { memory.failures.saturating_add(1) } else { 0 };
    let pods = ctx.stores.children.pods(of_pods, &key.0, &key.1);
    let now = Timestamp::now();
    let after = observe(&Observation {
        agent,
        problem: problem.as_ref(),
        policies: policies.as_ref(),
        pods: pods.as_ref(),
        applied_generation: memory.applied_generation(of_pods),
        reports: &reports,
        pinned: &pinned,
        auth: &auth,
        before: &before,
        cluster_domain: &ctx.settings.cluster_domain,
        now,
    });
    let approvals = approvals::settle(agent, &key, &mut memory.unasked, ctx).await;
    let look_again =
        [approvals, reports.settles_in, overdue_in(agent, &after, now), polls(agent, ctx)].into_iter().flatten().min();
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
    let action = next(problem.as_ref().or(told.as_ref().err()), memory.failures, look_again);
    ctx.ledger.remember(key, memory);
    (outcome, action)
}

/// Policies come first and on every path: no spec, however wrong, is a way around them.
async fn attempt(
    agent: &Agent,
    pins: Pins,
    auth: &CallerKeys,
    memory: &mut Memory,
    policies: &mut Option<Policies>,
    ctx: &Context,
) -> Result<(), Problem> {
    let told = told_policies(agent, Some(pins), memory, ctx).await?;
    memory.keys = auth.keys(memory.keys.as_ref(), Timestamp::now());
    let problem = match bring(agent, &told, memory, ctx).await {
        Ok(()) => {
            *policies = Some(told);
            return Ok(());
        }
        Err(problem) => problem,
    };
    if apply::apply_policies(agent, &told.bundle, ctx).await? {
        *policies = Some(told);
    }
    Err(problem)
}

/// Without pins those hold that were told last.
async fn told_policies(agent: &Agent, pins: Option<Pins>, memory: &mut Memory, ctx: &Context) -> Result<Policies, Problem> {
    let inputs = dereference::dereference_policies(agent, memory, ctx).await?;
    let required = ctx.settings.require_tool_policy;
    let previous = inputs.previous.as_ref();
    let pins = pins.or_else(|| previous.map(|last| last.pins.clone())).unwrap_or_default();
    let bundle = policy_bundle(&agent_facts(agent), &inputs.policies, required, previous, inputs.at_least, pins);
    memory.bundle = Some(bundle.clone());
    memory.keys = inputs.keys;
    Ok(Policies { in_force: inputs.policies, bundle })
}

/// Brings the children to what the spec says.
async fn bring(agent: &Agent, told: &Policies, memory: &mut Memory, ctx: &Context) -> Result<(), Problem> {
    let found = dereference::dereference(agent, ctx).await?;
    let resolved = resolve(agent, &found, &ctx.settings).map_err(Problem::Unresolved)?;
    let keys = memory.keys.clone();
    let children = Told { policies: &told.bundle, keys: keys.as_ref() };
    let steps = plan::plan(agent, manifests(&resolved, children, &ctx.settings), memory, ctx).await?;
    apply::apply(agent, steps, &told.bundle, memory, ctx).await
}

/// An Agent that is going, or that cannot be read, may still have pods. They follow the policies to their end.
async fn deliver_policies(metadata: ObjectMeta, ctx: &Context) -> Action {
    let agent = Agent { metadata, ..Agent::new("", AgentSpec::default()) };
    let key = (namespace_of(&agent), agent.name_any());
    let mut memory = ctx.ledger.recall(&key, &agent.uid().unwrap_or_default());
    let delivered = async {
        let told = told_policies(&agent, None, &mut memory, ctx).await?;
        apply::apply_policies(&agent, &told.bundle, ctx).await
    };
    let delivered = delivered.await;
    ctx.ledger.remember(key, memory);
    match delivered {
        Ok(_) => Action::await_change(),
        Err(problem) => {
            tracing::warn!(namespace = namespace_of(&agent), agent = agent.name_any(), %problem, "policies not delivered");
            Action::requeue(SECRET_POLL)
        }
    }
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

/// Services in namespaces that are not ours to watch may change unseen.
fn polls(agent: &Agent, ctx: &Context) -> Option<Duration> {
    let mut services = references(agent, &ctx.settings).services.into_iter();
    services.any(|service| !ctx.scope.contains(&service.namespace)).then_some(UNSEEN_POLL)
}

/// When to look again: on a change, and where changes are not seen, after a while.
fn next(problem: Option<&Problem>, failures: u32, look_again: Option<Duration>) -> Action {
    match problem {
        None => look_again.map_or_else(Action::await_change, Action::requeue),
        Some(Problem::Unresolved(_)) => Action::requeue(SECRET_POLL),
        Some(Problem::NameTaken(_)) => Action::requeue(TAKEN_POLL),
        Some(Problem::Api { .. }) => Action::requeue(Duration::from_millis(500 << failures.min(7))),
    }
}
