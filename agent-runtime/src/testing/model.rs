//! A model that answers as it is told, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::Value;
use skreaver_model::{Answer, Deltas, Model, ModelError, ModelErrorKind, Question, StopReason};
use skreaver_protocol::message::{Tokens, ToolRequest};
use tokio::sync::Semaphore;

/// What a [`ScriptedModel`] says to one question.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// What is told before it ends, where the answer is streamed.
    told: String,
    end: Result<Answer, ModelErrorKind>,
}

impl Reply {
    /// A text, of 10 tokens in and 5 out.
    pub fn text(text: &str) -> Self {
        let tokens = Tokens { input: 10, output: 5 };
        Self::answer(Answer { text: text.into(), tool_requests: Vec::new(), tokens, stop: StopReason::Complete })
    }

    fn answer(answer: Answer) -> Self {
        Self { told: answer.text.clone(), end: Ok(answer) }
    }

    /// A text that ends at the greatest length.
    pub fn cut_off(text: &str) -> Self {
        Self { end: Self::text(text).end.map(|answer| Answer { stop: StopReason::Length, ..answer }), told: text.into() }
    }

    /// Tools that are to be called together, with their arguments.
    pub fn tools(tools: &[(&str, Value)]) -> Self {
        let request = |(index, (tool, arguments)): (usize, &(&str, Value))| ToolRequest {
            id: format!("call-{index}"),
            tool: (*tool).into(),
            arguments: arguments.clone(),
        };
        let tool_requests = tools.iter().enumerate().map(request).collect();
        Self {
            end: Self::text("").end.map(|answer| Answer { tool_requests, stop: StopReason::Tools, ..answer }),
            told: String::new(),
        }
    }

    /// No answer.
    pub fn failure(kind: ModelErrorKind) -> Self {
        Self { told: String::new(), end: Err(kind) }
    }

    /// The beginning of an answer whose rest is lost.
    pub fn broken_off(text: &str) -> Self {
        Self { told: text.into(), end: Err(ModelErrorKind::Cut) }
    }
}

/// A model that answers in order. Without a reply left it fails as overloaded.
pub struct ScriptedModel {
    replies: Mutex<VecDeque<Reply>>,
    questions: Mutex<Vec<Question>>,
    /// Answers wait for these.
    gate: Option<Semaphore>,
}

impl ScriptedModel {
    /// A model that answers at once.
    pub fn new(replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        Self::behind(None, replies)
    }

    /// A model that answers only as it is let, by [`ScriptedModel::let_go`].
    pub fn gated(replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        Self::behind(Some(Semaphore::new(0)), replies)
    }

    fn behind(gate: Option<Semaphore>, replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        Arc::new(Self { replies: Mutex::new(replies.into_iter().collect()), questions: Mutex::default(), gate })
    }

    /// Adds a reply behind those that are left.
    pub fn then(&self, reply: Reply) {
        self.replies.lock().unwrap().push_back(reply);
    }

    /// All questions so far.
    pub fn questions(&self) -> Vec<Question> {
        self.questions.lock().unwrap().clone()
    }

    /// Lets a gated model give as many answers more.
    ///
    /// # Panics
    /// For a model that is not gated.
    pub fn let_go(&self, answers: usize) {
        self.gate.as_ref().expect("the model is gated").add_permits(answers);
    }
}

#[async_trait]
impl Model for ScriptedModel {
    async fn ask(&self, question: &Question, deltas: Option<Deltas<'_>>) -> Result<Answer, ModelError> {
        self.questions.lock().unwrap().push(question.clone());
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        let reply = self.replies.lock().unwrap().pop_front();
        let Reply { told, end } = reply.unwrap_or_else(|| Reply::failure(ModelErrorKind::Overloaded));
        if let Some(deltas) = deltas {
            for word in told.split_inclusive(' ') {
                deltas(word);
                tokio::task::yield_now().await;
            }
        }
        end.map_err(|kind| ModelError {
            model: "scripted".into(),
            kind,
            detail: "as the test wants it".into(),
            retry_after: None,
            charged: kind.may_be_charged().into(),
        })
    }
}
