//! What a tool call may use up.

use std::time::Duration;

use skreaver_protocol::policy::ResourcesSection;

use super::Bounds;
use crate::RuleProblem;

/// What a tool call may use up: of all policies the lowest number of each, and a safe default where none has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The memory of one call, in bytes.
    pub memory: usize,
    /// Calls of the agent at the same time.
    pub concurrency: usize,
    /// The processor time of one call in a worker process.
    pub cpu: Duration,
    /// The longest that one call may take.
    pub timeout: Duration,
}

impl Limits {
    /// What counts where no policy has a number.
    pub const DEFAULT: Self =
        Self { memory: 128 << 20, concurrency: 16, cpu: Duration::from_secs(10), timeout: Duration::from_secs(30) };

    /// The most bytes that one call may take in, and the most that it may give back: it holds them a few times over while it
    /// turns one into the other.
    pub const fn bytes(&self) -> usize {
        self.memory / 4
    }
}

pub(super) fn check(section: &ResourcesSection, problems: &mut Vec<RuleProblem>) {
    let ResourcesSection { max_memory_mb, max_concurrent_operations, max_cpu_seconds, timeout } = section;
    let zeros = [
        ("max_memory_mb", *max_memory_mb == Some(0)),
        ("max_concurrent_operations", *max_concurrent_operations == Some(0)),
        ("max_cpu_seconds", *max_cpu_seconds == Some(0)),
        ("timeout", timeout.is_some_and(|timeout| timeout.get().is_zero())),
    ];
    for (key, _) in zeros.into_iter().filter(|(_, zero)| *zero) {
        let message = "nothing can run with 0: leave it out, or deny the tools by a rule".to_owned();
        problems.push(RuleProblem { path: format!("resources.{key}"), message });
    }
}

impl Bounds {
    /// What a call may use up.
    pub fn limits(&self) -> Limits {
        let lowest = |number: fn(&ResourcesSection) -> Option<u32>| {
            let number = self.policies.iter().filter_map(|policy| number(&policy.resources)).min()?;
            usize::try_from(number).ok()
        };
        let cpu = self.policies.iter().filter_map(|policy| policy.resources.max_cpu_seconds).min();
        let timeout = self.policies.iter().filter_map(|policy| policy.resources.timeout).min();
        let default = Limits::DEFAULT;
        Limits {
            memory: lowest(|section| section.max_memory_mb).map_or(default.memory, |mib| mib.saturating_mul(1 << 20)),
            concurrency: lowest(|section| section.max_concurrent_operations).unwrap_or(default.concurrency),
            cpu: cpu.map_or(default.cpu, |seconds| Duration::from_secs(seconds.into())),
            timeout: timeout.map_or(default.timeout, |timeout| timeout.get()),
        }
    }
}
