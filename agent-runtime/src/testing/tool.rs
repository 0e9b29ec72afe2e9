//! A tool that answers as it is told, and remembers what it was given.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use skreaver_policy::Permit;

use crate::tools::{Tool, ToolError};

/// A tool that takes any arguments, answers in order, and repeats its last answer. Clones are the same tool.
#[derive(Clone)]
pub struct MockTool(Arc<Inner>);

struct Inner {
    answers: Mutex<VecDeque<Result<Value, ToolError>>>,
    calls: Mutex<Vec<Value>>,
    is_idempotent: bool,
}

impl MockTool {
    /// A tool that gives this answer always.
    pub fn answering(answer: Value) -> Self {
        Self::scripted([Ok(answer)])
    }

    /// A tool that gives these answers in order. Without any it fails.
    pub fn scripted(answers: impl IntoIterator<Item = Result<Value, ToolError>>) -> Self {
        Self::new(answers, false)
    }

    /// As [`MockTool::scripted`], a tool for which twice is as good as once.
    pub fn idempotent(answers: impl IntoIterator<Item = Result<Value, ToolError>>) -> Self {
        Self::new(answers, true)
    }

    fn new(answers: impl IntoIterator<Item = Result<Value, ToolError>>, is_idempotent: bool) -> Self {
        let answers = Mutex::new(answers.into_iter().collect());
        Self(Arc::new(Inner { answers, calls: Mutex::default(), is_idempotent }))
    }

    /// The arguments of all calls so far, in order.
    pub fn calls(&self) -> Vec<Value> {
        self.0.calls.lock().unwrap().clone()
    }
}

#[async_trait]
impl Tool for MockTool {
    fn description(&self) -> &str {
        "Answers as a test wants it."
    }

    fn input_schema(&self) -> Value {
        json!({ "type": "object" })
    }

    fn is_idempotent(&self) -> bool {
        self.0.is_idempotent
    }

    async fn run(&self, _: Permit, arguments: Value) -> Result<Value, ToolError> {
        self.0.calls.lock().unwrap().push(arguments);
        let mut answers = self.0.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        answer.unwrap_or_else(|| Err(ToolError::Failed("the test has no answer for it".to_owned())))
    }
}
