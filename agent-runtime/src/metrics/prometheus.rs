//! Metrics for Prometheus.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};
use skreaver_policy::{Place, Seen};
use skreaver_protocol::ToolName;
use skreaver_protocol::policy::{ContentAction, Mode};

use super::{ErrorKind, MemoryOp};

/// The most tools with a label of their own.
const TOOL_LABELS: usize = 20;
/// The most rules with labels of their own.
const RULE_LABELS: usize = 100;
/// The label of whatever is beyond a bound.
const OTHER: &str = "other";

/// From five microseconds, which a text tool takes, to half a minute.
const BUCKETS: [f64; 15] = [5e-6, 2e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 5.0, 30.0];

/// The metrics of one process.
pub struct Metrics {
    registry: Registry,
    tools: ToolVecs,
    tool_labels: Mutex<BTreeSet<ToolName>>,
    decisions: IntCounterVec,
    rule_labels: Mutex<HashSet<(String, String)>>,
    found: IntCounterVec,
    errors: IntCounterVec,
    auth_refusals: IntCounterVec,
    rejected: IntCounter,
    active: IntGauge,
    sessions: IntGauge,
    #[cfg(feature = "unstable-websocket")]
    websockets: IntGauge,
    memory: IntCounterVec,
    http_requests: IntCounterVec,
    http_duration: HistogramVec,
}

struct ToolVecs {
    exec: IntCounterVec,
    duration: HistogramVec,
}

/// A run, or a session, that is counted as active.
pub(crate) struct Active(IntGauge);

impl Active {
    fn of(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The metrics of one tool, looked up once.
pub(crate) struct ToolMetrics {
    exec: IntCounter,
    duration: Histogram,
}

impl ToolMetrics {
    pub(crate) fn observe(&self, duration: Duration) {
        self.exec.inc();
        self.duration.observe(duration.as_secs_f64());
    }
}

impl Metrics {
    /// Fresh metrics in a registry of their own.
    pub fn new() -> Self {
        let registry = Registry::new();
        #[cfg(target_os = "linux")]
        register(&registry, prometheus::process_collector::ProcessCollector::for_self());
        Self {
            tools: ToolVecs {
                exec: counters(&registry, "tool_exec_total", "Tool calls that ran.", &["tool"]),
                duration: histograms(&registry, "tool_exec_duration_seconds", "How long tool calls ran.", &["tool"]),
            },
            tool_labels: Mutex::new(BTreeSet::new()),
            decisions: counters(
                &registry,
                "tool_policy_refusals_total",
                "Tool calls that a ToolPolicy refused (Enforce), or would have (Audit).",
                &["mode", "policy", "rule"],
            ),
            rule_labels: Mutex::default(),
            found: counters(
                &registry,
                "tool_policy_findings_total",
                "Secrets and suspicious content that a ToolPolicy looks for, and what became of them (Enforce), or would have (Audit).",
                &["mode", "place", "class", "action"],
            ),
            errors: counters(&registry, "agent_errors_total", "Runs that ended with an error, by what it was about.", &["kind"]),
            auth_refusals: counters(
                &registry,
                "auth_refusals_total",
                "Requests refused because of who sent them, by why: not known, or not allowed.",
                &["reason"],
            ),
            rejected: registered(
                &registry,
                IntCounter::new("agent_runs_rejected_total", "Runs refused because the agent's queue was full."),
            ),
            active: registered(&registry, IntGauge::new("agent_runs_active", "Runs that run or wait.")),
            sessions: registered(&registry, IntGauge::new("agent_sessions_active", "Sessions in which a run works.")),
            #[cfg(feature = "unstable-websocket")]
            websockets: registered(
                &registry,
                IntGauge::new("websocket_connections_active", "WebSocket connections that are open."),
            ),
            memory: counters(&registry, "memory_ops_total", "What memory was asked for.", &["op"]),
            http_requests: counters(&registry, "http_requests_total", "HTTP requests answered.", &["route", "method"]),
            http_duration: histograms(
                &registry,
                "http_request_duration_seconds",
                "From a request's headers to its answer's.",
                &["route", "method"],
            ),
            registry,
        }
    }

    /// The metrics of a tool; beyond the first tools they share the label `other`.
    pub(crate) fn tool(&self, name: &ToolName) -> ToolMetrics {
        let mut known = self.tool_labels.lock().unwrap_or_else(PoisonError::into_inner);
        let label = match known.contains(name) || known.len() < TOOL_LABELS {
            true => name.as_str(),
            false => OTHER,
        };
        if label != OTHER {
            known.insert(name.clone());
        }
        ToolMetrics {
            exec: self.tools.exec.with_label_values(&[label]),
            duration: self.tools.duration.with_label_values(&[label]),
        }
    }

    /// A call that a rule refused, or would have; a policy's default is no rule.
    pub(crate) fn refused(&self, mode: Mode, policy: Option<&str>, rule: Option<&str>) {
        let mode = match mode {
            Mode::Enforce => "Enforce",
            Mode::Audit => "Audit",
        };
        let (policy, rule) = (policy.unwrap_or_default(), rule.unwrap_or_default());
        let mut known = self.rule_labels.lock().unwrap_or_else(PoisonError::into_inner);
        let labels = (policy.to_owned(), rule.to_owned());
        let is_told = known.contains(&labels) || (known.len() < RULE_LABELS && known.insert(labels));
        let (policy, rule) = if is_told { (policy, rule) } else { (OTHER, OTHER) };
        self.decisions.with_label_values(&[mode, policy, rule]).inc();
    }

    /// Something that a policy looks for.
    pub(crate) fn found(&self, mode: Mode, place: Place, seen: &Seen, action: ContentAction) {
        let class = match seen {
            Seen::Secret { .. } => "Secret".to_owned(),
            Seen::Content { class, .. } => format!("{class:?}"),
        };
        let (mode, action) = (format!("{mode:?}"), format!("{action:?}"));
        self.found.with_label_values(&[mode.as_str(), place.name(), class.as_str(), action.as_str()]).inc();
    }

    pub(crate) fn error(&self, kind: ErrorKind) {
        self.errors.with_label_values(&[kind.name()]).inc();
    }

    /// A request that was refused because of who sent it.
    #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "without an API nobody asks"))]
    pub(crate) fn not_let_in(&self, reason: &'static str) {
        self.auth_refusals.with_label_values(&[reason]).inc();
        self.error(ErrorKind::Auth);
    }

    pub(crate) fn rejected(&self) {
        self.rejected.inc();
    }

    /// Counts a run as active as long as what this returns lives.
    pub(crate) fn active(&self) -> Active {
        Active::of(&self.active)
    }

    /// Counts a session as active as long as what this returns lives.
    #[cfg(feature = "unstable-websocket")]
    pub(crate) fn websocket(&self) -> Active {
        Active::of(&self.websockets)
    }

    pub(crate) fn session(&self) -> Active {
        Active::of(&self.sessions)
    }

    /// Counts what memory is asked for.
    pub(crate) fn memory(&self, op: MemoryOp) {
        self.memory.with_label_values(&[op.name()]).inc();
    }

    /// Counts an HTTP request. `route` is a path of ours as written in the router, never what a caller sent.
    pub fn http(&self, route: &str, method: &str, duration: Duration) {
        self.http_requests.with_label_values(&[route, method]).inc();
        self.http_duration.with_label_values(&[route, method]).observe(duration.as_secs_f64());
    }

    /// Everything, in the Prometheus text format.
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        let encoded = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        encoded.expect("what is registered can be encoded");
        String::from_utf8(text).expect("the text format is UTF-8")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn register(registry: &Registry, collector: impl prometheus::core::Collector + 'static) {
    registry.register(Box::new(collector)).expect("each name is registered once in a fresh registry");
}

fn registered<C: prometheus::core::Collector + Clone + 'static>(registry: &Registry, collector: prometheus::Result<C>) -> C {
    let collector = collector.expect("our names and labels are valid");
    register(registry, collector.clone());
    collector
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    registered(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

fn histograms(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
    registered(registry, HistogramVec::new(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec()), labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_beyond_the_bound_share_a_label() {
        let metrics = Metrics::new();
        for index in 0..TOOL_LABELS + 5 {
            metrics.tool(&ToolName::parse(format!("tool{index}")).unwrap()).observe(Duration::ZERO);
        }
        metrics.tool(&ToolName::parse("tool0").unwrap()).observe(Duration::ZERO);
        let text = metrics.text();
        assert!(text.contains("tool_exec_total{tool=\"other\"} 5"), "{text}");
        assert!(text.contains("tool_exec_total{tool=\"tool0\"} 2"), "{text}");
    }

    #[test]
    fn rules_beyond_the_bound_share_labels() {
        let metrics = Metrics::new();
        for index in 0..RULE_LABELS + 5 {
            metrics.refused(Mode::Audit, Some("stone"), Some(&format!("rule{index}")));
        }
        metrics.refused(Mode::Audit, Some("stone"), Some("rule0"));
        let text = metrics.text();
        let counted = |policy: &str, rule: &str, count: u32| {
            format!("tool_policy_refusals_total{{mode=\"Audit\",policy=\"{policy}\",rule=\"{rule}\"}} {count}")
        };
        assert!(text.contains(&counted("other", "other", 5)), "{text}");
        assert!(text.contains(&counted("stone", "rule0", 2)), "{text}");
    }
}
