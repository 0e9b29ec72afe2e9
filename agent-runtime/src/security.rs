//! Policies without a cluster: a `security.toml` that bounds what every agent of a runtime may do.

mod manager;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use skreaver_protocol::policy::{
    Action, ContentRule, DataFlow, FsSection, HttpSection, Mode, PolicyRules, ResourcesSection, Rule, SecretsSection,
};

pub use manager::{SecuredTool, SecurityManager};

/// The name under which it refuses.
const NAME: &str = "security.toml";

/// What every agent of a runtime may do, besides what their policies say: one policy more for each of them, which like any other
/// only takes away. What is absent keeps its safe default.
///
/// ```
/// # fn main() -> Result<(), skreaver::SecurityError> {
/// let security = skreaver::SecurityConfig::parse(
///     r#"
///     [fs]
///     allow_paths = ["/var/app/data"]
///     deny_patterns = ["..", "/etc", "*.key"]
///
///     [http]
///     allow_domains = ["api.example.com"]
///     deny_domains = ["localhost", "169.254.169.254"]
///
///     [resources]
///     max_memory_mb = 128
///     max_concurrent_operations = 10
///
///     [[rules]]
///     name = "no-writes"
///     tools = ["write_*"]
///     action = "Deny"
///     "#,
/// )?;
/// let builder = skreaver::Runtime::builder().security(security);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecurityConfig {
    /// Which files tools may touch.
    #[serde(default)]
    pub fs: Option<FsSection>,
    /// What they may reach over HTTP.
    #[serde(default)]
    pub http: Option<HttpSection>,
    /// What they may use up.
    #[serde(default)]
    pub resources: Option<ResourcesSection>,
    /// What becomes of calls that no rule names. Default: Allow.
    #[serde(default = "allow")]
    pub default_action: Action,
    /// Rules, as those of a ToolPolicy.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// What becomes of secrets that pass by.
    #[serde(default)]
    pub secrets: Option<SecretsSection>,
    /// What becomes of content that looks like an attack.
    #[serde(default)]
    pub suspicious_content: Vec<ContentRule>,
    /// What may follow what in a run.
    #[serde(default)]
    pub data_flow: Option<DataFlow>,
}

/// The safe defaults alone.
impl Default for SecurityConfig {
    fn default() -> Self {
        Self {
            fs: None,
            http: None,
            resources: None,
            default_action: allow(),
            rules: Vec::new(),
            secrets: None,
            suspicious_content: Vec::new(),
            data_flow: None,
        }
    }
}

fn allow() -> Action {
    Action::Allow
}

/// Why a `security.toml` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    /// It cannot be read.
    #[error("failed to read `{file}`")]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It is not TOML, or has a key that nobody reads: told with line and column.
    #[error("{file} is no security configuration: {problem}")]
    Shape {
        /// The file.
        file: String,
        /// What is wrong, and where.
        problem: String,
    },
    /// Something in it cannot be compiled.
    #[error("the security configuration cannot be used: {problems}")]
    Unfit {
        /// All that is wrong with it, each with its path.
        problems: String,
    },
}

impl SecurityConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// [`SecurityError`]. Globs, conditions and entries of sections are judged when a runtime is built with it.
    pub fn load_from_file(file: impl AsRef<Path>) -> Result<Self, SecurityError> {
        let file = file.as_ref();
        let text = std::fs::read_to_string(file).map_err(|source| SecurityError::Read { file: file.to_owned(), source })?;
        parse(&file.display().to_string(), &text)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// [`SecurityError::Shape`].
    pub fn parse(text: &str) -> Result<Self, SecurityError> {
        parse(NAME, text)
    }

    /// The policy that it stands for.
    pub fn policy(&self) -> PolicyRules {
        let Self { fs, http, resources, default_action, rules, secrets, suspicious_content, data_flow } = self.clone();
        let name = NAME.to_owned();
        PolicyRules {
            name,
            mode: Mode::Enforce,
            default_action,
            rules,
            data_flow,
            http,
            fs,
            resources,
            secrets,
            suspicious_content,
            audit: None,
        }
    }
}

fn parse(file: &str, text: &str) -> Result<SecurityConfig, SecurityError> {
    toml::from_str(text)
        .map_err(|error| SecurityError::Shape { file: file.to_owned(), problem: error.to_string().trim_end().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_sections_take_their_defaults() {
        let config = SecurityConfig::parse("[resources]\nmax_memory_mb = 128\n").unwrap();
        assert_eq!((&config.fs, &config.http, config.default_action), (&None, &None, Action::Allow));
        assert_eq!(config.policy().resources.unwrap().max_memory_mb, Some(128));
        assert_eq!(SecurityConfig::parse("").unwrap().policy().rules, []);
    }

    #[test]
    fn a_key_that_nobody_reads_is_told_with_its_line() {
        for (text, line, key) in [
            ("[http]\nallow_domains = []\nallowed = 1\n", 3, "allowed"),
            ("\n[files]\n", 2, "files"),
            ("[resources]\nmax_memory_mb = -1\n", 2, "-1"),
            ("[fs\n", 1, "fs"),
            ("[[rules]]\nname = \"a\"\ntools = [\"x\"]\naction = \"Deny\"\nwhenever = \"true\"\n", 5, "whenever"),
        ] {
            let problem = SecurityConfig::parse(text).unwrap_err().to_string();
            assert!(problem.contains(&format!("line {line},")) && problem.contains(key), "{problem}");
        }
    }
}
