//! A model that answers what it was told to, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::Value;
use skreaver::model::{Answer, Deltas, Model, ModelError, ModelErrorKind, Question, StopReason};
use skreaver::protocol::message::{Tokens, ToolRequest};

pub(crate) type Reply = Result<Answer, ModelErrorKind>;

/// Answers in order. Without an answer left it fails as overloaded.
pub(crate) struct Double {
    replies: Mutex<VecDeque<Reply>>,
    questions: Mutex<Vec<Question>>,
    /// Answers wait for these.
    pub(crate) gate: Option<tokio::sync::Semaphore>,
}

pub(crate) fn answer(text: &str) -> Reply {
    let tokens = Tokens { input: 10, output: 5 };
    Ok(Answer { text: text.into(), tool_requests: Vec::new(), tokens, stop: StopReason::Complete })
}

pub(crate) fn cut_off(text: &str) -> Reply {
    answer(text).map(|answer| Answer { stop: StopReason::Length, ..answer })
}

pub(crate) fn ask_for(tools: &[(&str, Value)]) -> Reply {
    let request = |(index, (tool, arguments)): (usize, &(&str, Value))| ToolRequest {
        id: format!("call-{index}"),
        tool: (*tool).into(),
        arguments: arguments.clone(),
    };
    let tool_requests = tools.iter().enumerate().map(request).collect();
    answer("").map(|answer| Answer { tool_requests, stop: StopReason::Tools, ..answer })
}

pub(crate) fn failure(kind: ModelErrorKind) -> Reply {
    Err(kind)
}

impl Double {
    pub(crate) fn new(replies: Vec<Reply>) -> Arc<Self> {
        Arc::new(Self { replies: Mutex::new(replies.into()), questions: Mutex::default(), gate: None })
    }

    /// Answers only as it is let.
    pub(crate) fn gated(replies: Vec<Reply>) -> Arc<Self> {
        let gate = Some(tokio::sync::Semaphore::new(0));
        Arc::new(Self { replies: Mutex::new(replies.into()), questions: Mutex::default(), gate })
    }

    pub(crate) fn then(&self, reply: Reply) {
        self.replies.lock().unwrap().push_back(reply);
    }

    pub(crate) fn questions(&self) -> Vec<Question> {
        self.questions.lock().unwrap().clone()
    }

    pub(crate) fn let_go(&self, answers: usize) {
        self.gate.as_ref().unwrap().add_permits(answers);
    }
}

#[async_trait]
impl Model for Double {
    async fn ask(&self, question: &Question, deltas: Option<Deltas<'_>>) -> Result<Answer, ModelError> {
        self.questions.lock().unwrap().push(question.clone());
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        let reply = self.replies.lock().unwrap().pop_front().unwrap_or(Err(ModelErrorKind::Overloaded));
        let answer = reply.map_err(|kind| ModelError {
            model: "double/one".into(),
            kind,
            detail: "as the test wants it".into(),
            retry_after: None,
        })?;
        if let Some(deltas) = deltas {
            for word in answer.text.split_inclusive(' ') {
                deltas(word);
                tokio::task::yield_now().await;
            }
        }
        Ok(answer)
    }
}
