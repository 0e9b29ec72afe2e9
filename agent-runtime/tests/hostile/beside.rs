//! Another agent of the process, with honest work, and whether it goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use skreaver::{Observation, Runtime};
use tokio::sync::oneshot;

/// In each of these of the show it answers.
const WINDOW: Duration = Duration::from_millis(200);
/// One in so many windows may have no answer: where a test build shares few cores with others, the whole process waits at times.
const SLACK: usize = 25;
const PAUSE: Duration = Duration::from_millis(5);

/// When it answered, from the beginning, and how long each answer took.
pub(crate) struct Answers {
    answers: Vec<(Duration, Duration)>,
    total: Duration,
}

/// Asks the agent, until the show is over.
pub(crate) async fn goes_on(runtime: Arc<Runtime>, mut over: oneshot::Receiver<()>) -> Answers {
    let agent = runtime.agent("amber").unwrap();
    let (beginning, mut answers) = (Instant::now(), Vec::new());
    while over.try_recv().is_err() {
        let asked = Instant::now();
        let answer = agent.observe(Observation::new("uppercase:hi")).await.unwrap();
        assert_eq!(serde_json::to_value(answer).unwrap()["output"], "HI");
        answers.push((beginning.elapsed(), asked.elapsed()));
        tokio::time::sleep(PAUSE).await;
    }
    Answers { answers, total: beginning.elapsed() }
}

impl Answers {
    pub(crate) fn judge(mut self) {
        let windows = usize::try_from(self.total.as_millis() / WINDOW.as_millis()).unwrap();
        let mut answered = vec![0; windows + 1];
        for (when, _) in &self.answers {
            answered[usize::try_from(when.as_millis() / WINDOW.as_millis()).unwrap()] += 1;
        }
        // The last one is not a whole one.
        answered.truncate(windows);
        let silent = answered.iter().filter(|count| **count == 0).count();
        self.answers.sort_unstable_by_key(|(_, took)| *took);
        let (median, max) = (self.answers[self.answers.len() / 2].1, self.answers[self.answers.len() - 1].1);
        println!(
            "    meanwhile another agent answered {} observations, in {} of {windows} windows of {WINDOW:?}: median {median:?}, max {max:?}",
            self.answers.len(),
            windows - silent
        );
        assert!(silent <= windows / SLACK, "the other agent was silent in {silent} of {windows} windows of {WINDOW:?}");
        assert!(median < WINDOW / 2, "the other agent answered in {median:?}");
    }
}
