//! Reads a RuntimeConfig and tells every problem of it at once, each with its path.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::schema_for;
use serde_json::Value;
use skreaver_protocol::Builtin;
use skreaver_protocol::config::RuntimeConfig;
use skreaver_protocol::policy::PolicyBundle;

/// Why a file is not a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("failed to read `{}`", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no YAML, and so no JSON either.
    #[error("`{}` is neither YAML nor JSON", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_yaml::Error,
    },
    /// It says something that cannot be served.
    #[error("`{}` has {} problem{}:{}", .path.display(), .problems.len(), if .problems.len() == 1 { "" } else { "s" }, list(.problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All of them.
        problems: Vec<Problem>,
    },
}

/// Something wrong in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A JSON Pointer (RFC 6901). Example: `/agents/0/tools/1/name`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.path.is_empty() { "/" } else { &self.path }, self.message)
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

/// Reads a RuntimeConfig, YAML or JSON.
///
/// # Errors
/// [`ConfigError`], with all problems of the file.
pub fn load(path: &Path) -> Result<RuntimeConfig, ConfigError> {
    parse(&read(path)?).map_err(|problems| ConfigError::Invalid { path: path.to_owned(), problems })
}

/// Reads a PolicyBundle, YAML or JSON.
///
/// # Errors
/// [`ConfigError`]; a bundle that cannot be read is no empty one.
pub fn load_policies(path: &Path) -> Result<PolicyBundle, ConfigError> {
    let value = read(path)?;
    let problems = shape_problems(&schema_for!(PolicyBundle).to_value(), &value);
    typed(value, problems).map_err(|problems| ConfigError::Invalid { path: path.to_owned(), problems })
}

fn read(path: &Path) -> Result<Value, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    serde_yaml::from_str(&text).map_err(|source| ConfigError::Syntax { path: path.to_owned(), source })
}

fn parse(value: &Value) -> Result<RuntimeConfig, Vec<Problem>> {
    let mut problems = shape_problems(&schema_for!(RuntimeConfig).to_value(), value);
    problems.extend(meaning_problems(value));
    typed(value.clone(), problems)
}

fn typed<T: serde::de::DeserializeOwned>(value: Value, mut problems: Vec<Problem>) -> Result<T, Vec<Problem>> {
    match serde_json::from_value(value) {
        Ok(typed) if problems.is_empty() => return Ok(typed),
        Ok(_) => {}
        Err(error) if problems.is_empty() => problems.push(Problem { path: String::new(), message: error.to_string() }),
        Err(_) => {}
    }
    Err(problems)
}

fn shape_problems(schema: &Value, value: &Value) -> Vec<Problem> {
    let validator = jsonschema::validator_for(schema).expect("the schema of our own type is a schema");
    let problem = |error: jsonschema::ValidationError<'_>| Problem {
        path: error.instance_path().as_str().to_owned(),
        message: error.to_string(),
    };
    validator.iter_errors(value).map(problem).collect()
}

/// What a schema cannot say: names that stand once, and tools that exist. Looks at the value as it stands, so that these
/// problems are told together with those of the shape.
fn meaning_problems(value: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut agents = BTreeSet::new();
    for (index, agent) in items(value, "agents") {
        let path = format!("/agents/{index}");
        twice(&mut agents, agent, &path, &mut problems);
        let mut tools = BTreeSet::new();
        for (index, tool) in items(agent, "tools") {
            let path = format!("{path}/tools/{index}");
            twice(&mut tools, tool, &path, &mut problems);
            unknown_builtin(tool, &path, &mut problems);
        }
    }
    problems
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    value.get(key).and_then(Value::as_array).into_iter().flatten().enumerate()
}

fn twice<'a>(seen: &mut BTreeSet<&'a str>, named: &'a Value, path: &str, problems: &mut Vec<Problem>) {
    if let Some(name) = named.get("name").and_then(Value::as_str)
        && !seen.insert(name)
    {
        problems.push(Problem { path: format!("{path}/name"), message: format!("`{name}` stands in the list already") });
    }
}

fn unknown_builtin(tool: &Value, path: &str, problems: &mut Vec<Problem>) {
    let name = tool.get("name").and_then(Value::as_str).unwrap_or_default();
    if tool.pointer("/source/type").and_then(Value::as_str) == Some("Builtin")
        && !name.is_empty()
        && Builtin::from_name(name).is_none()
    {
        let known = Builtin::ALL.map(Builtin::name).join(", ");
        problems.push(Problem {
            path: format!("{path}/name"),
            message: format!("no built-in tool is named `{name}`; there are {known}"),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn three_mistakes_are_told_at_once_with_their_paths() {
        let value = json!({"agents": [
            {"name": "Amber", "tools": [{"name": "levitate", "source": {"type": "Builtin"}}]},
            {"name": "basalt", "limits": {"runTimeout": "soon", "concurrency": 0}, "colour": "grey"},
        ]});
        let problems = parse(&value).unwrap_err();
        let paths: BTreeSet<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        let expected = [
            "/agents/0/name",
            "/agents/0/tools/0/name",
            "/agents/1",
            "/agents/1/limits/concurrency",
            "/agents/1/limits/runTimeout",
        ];
        assert_eq!(paths, BTreeSet::from(expected), "{problems:?}");
    }

    #[test]
    fn names_stand_once() {
        let tool = json!({"name": "split", "source": {"type": "Builtin"}});
        let agent = json!({"name": "amber", "tools": [tool, tool]});
        let paths: Vec<_> = parse(&json!({"agents": [agent, agent]})).unwrap_err().into_iter().map(|p| p.path).collect();
        assert_eq!(paths, ["/agents/0/tools/1/name", "/agents/1/name", "/agents/1/tools/1/name"]);
    }

    #[test]
    fn a_small_config_has_the_defaults() {
        let config = parse(&json!({"agents": [{"name": "amber"}]})).unwrap();
        assert_eq!(config.agents[0].limits, Default::default());
        assert!(config.cluster.is_none());
    }

    #[test]
    fn no_agents_are_refused() {
        assert_eq!(parse(&json!({"agents": []})).unwrap_err()[0].path, "/agents");
        assert_eq!(parse(&json!(null)).unwrap_err()[0].path, "");
    }
}
