//! What a script says: rules that are tried in order, each with what it waits for and what is then answered.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Fault;
use super::request::Seen;

/// A script, as Rust or as a YAML file.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// The models that exist.
    pub models: Vec<String>,
    /// The keys that are good; without any, every one is, and none.
    pub keys: Vec<String>,
    /// The first rule that fits answers. Where none does, the last user message is echoed.
    pub rules: Vec<Rule>,
}

/// One rule. By default it fits always, and echoes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// What it waits for.
    pub when: When,
    /// How often it counts; always without.
    pub times: Option<u32>,
    /// How long the answer takes, in milliseconds.
    pub delay_ms: u64,
    /// What goes wrong.
    pub fault: Option<Fault>,
    /// What is answered.
    pub answer: Reply,
}

/// What a rule waits for: all that is said here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// The last user message contains this.
    pub last_user_contains: Option<String>,
    /// The conversation ends with tool results, or does not.
    pub tool_result: Option<bool>,
    /// There are so many tool results since the last user message.
    pub tool_results: Option<usize>,
    /// The instructions contain this.
    pub instructions_contain: Option<String>,
    /// This model is asked.
    pub model: Option<String>,
}

/// An answer. In its text `{{last_user}}` and `{{tool_result}}` stand for the last of each, `{{tool_results}}` for all results
/// since the last user message.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reply {
    /// The text.
    pub text: Option<String>,
    /// The tools that are asked for.
    pub tool_calls: Vec<ToolCall>,
    /// Why it ends; by default as its content says.
    pub stop: Option<Stop>,
    /// What it took.
    pub usage: Usage,
}

/// A tool that is asked for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// Its name, which need not be one that was offered.
    pub name: String,
    /// Its arguments. A string is written as it is, and so may be no JSON (in OpenAI's format).
    #[serde(default = "empty")]
    pub arguments: Value,
    /// How many such calls there are at once.
    #[serde(default = "one")]
    pub times: u32,
}

/// Why an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It is complete.
    Complete,
    /// It asks for tools.
    Tools,
    /// It is too long.
    Length,
    /// A filter cut it off.
    Filtered,
}

/// Tokens of a question and of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Of the question.
    pub input: u64,
    /// Of the answer.
    pub output: u64,
}

const fn one() -> u32 {
    1
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

impl Default for Script {
    fn default() -> Self {
        Self { models: vec!["mock".into()], keys: Vec::new(), rules: Vec::new() }
    }
}

impl Default for Reply {
    fn default() -> Self {
        Self { text: None, tool_calls: Vec::new(), stop: None, usage: Usage { input: 10, output: 5 } }
    }
}

impl Usage {
    /// None at all.
    pub const NONE: Self = Self { input: 0, output: 0 };

    pub(super) const fn plus(self, more: Self) -> Self {
        Self { input: self.input + more.input, output: self.output + more.output }
    }
}

impl Script {
    /// A script from YAML.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(yaml: &str) -> anyhow::Result<Self> {
        read(yaml)
    }

    /// The script of these rules for the model `mock`.
    ///
    /// # Panics
    /// When the rules are no YAML of rules.
    pub fn rules(yaml: &str) -> Self {
        Self { rules: read(yaml).expect("rules as YAML"), ..Self::default() }
    }

    /// Two turns: the first asks for the tool `add` with 2 and 3, the second tells its result.
    pub fn adder() -> Self {
        Self::rules(
            "- {when: {tool_result: true}, answer: {text: 'The sum is {{tool_result}}.'}}\n\
             - {answer: {tool_calls: [{name: add, arguments: {a: 2, b: 3}}]}}",
        )
    }

    /// Takes the rule that fits, and writes its answer.
    pub(super) fn decide(&mut self, seen: &Seen) -> (Rule, Reply) {
        let fits = |rule: &&mut Rule| rule.times != Some(0) && rule.when.fits(seen);
        let rule = match self.rules.iter_mut().find(fits) {
            Some(rule) => {
                rule.times = rule.times.map(|times| times - 1);
                rule.clone()
            }
            None => Rule::default(),
        };
        let mut reply = rule.answer.clone();
        reply.text = match reply.text {
            Some(text) => Some(seen.fill(&text)),
            None if reply.tool_calls.is_empty() => Some(seen.last_user.clone()),
            None => None,
        };
        reply.tool_calls = reply.tool_calls.into_iter().flat_map(ToolCall::repeated).collect();
        (rule, reply)
    }
}

/// Through JSON, so that faults are written as maps, and not with YAML's tags.
fn read<T: DeserializeOwned>(yaml: &str) -> anyhow::Result<T> {
    Ok(serde_json::from_value(serde_yaml::from_str(yaml)?)?)
}

impl Rule {
    /// What the answer tells of tokens: nothing when a fault takes its place.
    pub(super) fn usage_told(&self) -> Usage {
        if self.fault.is_some() { Usage::NONE } else { self.answer.usage }
    }
}

impl When {
    fn fits(&self, seen: &Seen) -> bool {
        let Self { last_user_contains, tool_result, tool_results, instructions_contain, model } = self;
        last_user_contains.as_ref().is_none_or(|part| seen.last_user.contains(part))
            && tool_result.is_none_or(|wanted| wanted != seen.tool_results.is_empty())
            && tool_results.is_none_or(|wanted| wanted == seen.tool_results.len())
            && instructions_contain.as_ref().is_none_or(|part| seen.instructions.contains(part))
            && model.as_ref().is_none_or(|name| *name == seen.model)
    }
}

impl Reply {
    pub(super) fn stop(&self) -> Stop {
        self.stop.unwrap_or(if self.tool_calls.is_empty() { Stop::Complete } else { Stop::Tools })
    }
}

impl ToolCall {
    fn repeated(self) -> impl Iterator<Item = Self> {
        let times = usize::try_from(self.times).unwrap_or_default();
        std::iter::repeat_n(Self { times: 1, ..self }, times)
    }
}

impl Seen {
    fn fill(&self, text: &str) -> String {
        text.replace("{{last_user}}", &self.last_user)
            .replace("{{tool_results}}", &self.tool_results.join(", "))
            .replace("{{tool_result}}", self.tool_results.last().map_or("", String::as_str))
    }
}
