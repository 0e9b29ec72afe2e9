//! The ToolPolicy controller: judge -> keep the accepted rules -> tell.

mod judge;
mod keep;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::core::{DeserializeGuard, PartialObjectMeta, Resource};
use kube::runtime::controller::{self, Action, Controller};
use kube::runtime::{reflector::Store, watcher};
use kube::{Api, ResourceExt};
use skreaver_crds::condition::Reason;
use skreaver_crds::{TOOL_POLICY_LABEL, ToolPolicy, ToolPolicyStatus};
use tokio_util::sync::CancellationToken;

use self::judge::{is_news, judge};
use crate::malformed;
use crate::report::Reporter;
use crate::scope::Scope;
use crate::status::{self, Written, newest};
use crate::watch::{drained, namespace_of};

/// Who we are in server-side apply.
const MANAGER: &str = "skreaver-tool-policy-controller";
/// The name of the controller in metrics.
const NAME: &str = "tool_policy";

type Stored = DeserializeGuard<ToolPolicy>;

struct Context {
    scope: Scope,
    reporter: Arc<Reporter>,
    /// What we wrote last, by UID.
    written: Mutex<HashMap<String, Written<ToolPolicyStatus>>>,
    policies: Store<Stored>,
}

/// Runs until told to stop, and finishes what it has begun.
pub async fn run(scope: Scope, concurrency: u16, reporter: Arc<Reporter>, stop: CancellationToken) {
    let controller = Controller::<Stored>::new(scope.all(), watcher::Config::default());
    let revisions: Api<PartialObjectMeta<ControllerRevision>> = scope.all();
    let ctx = Arc::new(Context { scope, reporter, written: Mutex::default(), policies: controller.store() });
    let all = controller
        .with_config(controller::Config::default().concurrency(concurrency))
        .owns(revisions, watcher::Config::default().labels(TOOL_POLICY_LABEL))
        .graceful_shutdown_on(stop.clone().cancelled_owned())
        .run(reconcile, |_, never, _| match *never {}, Arc::clone(&ctx))
        .for_each(async |result| logged(result, &ctx));
    drained(all, &stop).await;
}

/// Revisions go with their policy. When they do, what we remember of it goes too.
fn logged<T>(result: Result<T, controller::Error<Infallible, watcher::Error>>, ctx: &Context) {
    match result {
        Ok(_) => {}
        Err(controller::Error::ObjectNotFound(_)) => {
            let alive: Vec<_> = ctx.policies.state().iter().filter_map(|policy| policy.meta().uid.clone()).collect();
            ctx.written.lock().unwrap_or_else(PoisonError::into_inner).retain(|uid, _| alive.contains(uid));
        }
        Err(error) => tracing::warn!(%error, controller = NAME, "watch interrupted"),
    }
}

async fn reconcile(stored: Arc<Stored>, ctx: Arc<Context>) -> Result<Action, Infallible> {
    if stored.meta().deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let started = Instant::now();
    let (outcome, action) = match &stored.0 {
        Ok(policy) => drive(policy, &ctx).await,
        Err(invalid) => malformed::tell::<ToolPolicy>(invalid, &ctx.scope, MANAGER, &ctx.reporter).await,
    };
    ctx.reporter.count(NAME, outcome, started.elapsed());
    Ok(action)
}

async fn drive(policy: &ToolPolicy, ctx: &Context) -> (&'static str, Action) {
    let judged = skreaver_render::accept(policy);
    let kept = keep::keep(policy, judged.is_ok(), ctx).await;
    let before = ctx.before(policy);
    let after = judge(policy, &judged, kept.as_ref().map(|kept| *kept), &before, Timestamp::now());
    let told = if is_news(&before, &after) { tell(policy, &before, after, ctx).await } else { Ok(()) };
    if let Some(error) = kept.as_ref().err().map(ToString::to_string).or(told.err().map(|error| error.to_string())) {
        tracing::warn!(namespace = namespace_of(policy), name = policy.name_any(), error, "tool policy not kept");
        return (Reason::ApiError.name(), Action::requeue(Duration::from_secs(2)));
    }
    let outcome = if judged.is_ok() { "Reconciled" } else { Reason::InvalidRules.name() };
    (outcome, Action::await_change())
}

async fn tell(policy: &ToolPolicy, before: &ToolPolicyStatus, after: ToolPolicyStatus, ctx: &Context) -> Result<(), kube::Error> {
    let api: Api<ToolPolicy> = ctx.scope.within(&namespace_of(policy));
    match status::write(&api, policy, MANAGER, &after).await {
        Ok(written) => {
            let uid = policy.uid().unwrap_or_default();
            ctx.written.lock().unwrap_or_else(PoisonError::into_inner).insert(uid, written);
        }
        // It went, or a namesake came.
        Err(kube::Error::Api(error)) if matches!(error.code, 404 | 409) => return Ok(()),
        Err(error) => return Err(error),
    }
    ctx.reporter.changed(&policy.object_ref(&()), &before.conditions, &after.conditions).await;
    Ok(())
}

impl Context {
    fn before(&self, policy: &ToolPolicy) -> ToolPolicyStatus {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let last = written.get(&policy.uid().unwrap_or_default());
        newest(policy.resource_version().as_deref(), policy.status.as_ref(), last)
    }
}
