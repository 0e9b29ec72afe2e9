//! Agents of manifests on this machine: what bounds them, where they keep things, what is logged.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use serde_json::Value;
use skreaver::audit::AuditLog;
use skreaver::protocol::auth::AuthConfig;
use skreaver::protocol::config::{AgentConfig, RuntimeConfig};
use skreaver::protocol::policy::PolicyBundle;
use skreaver::tools::worker::Pool;
use skreaver::{Builder, Runtime, SecurityConfig};
use skreaver_render::local::{Document, Local};
use skreaver_render::{Locations, ResolvedAgent, agent_config, works_with_files};
use tracing_subscriber::EnvFilter;

use crate::files::all;
use crate::secrets::{Folder, create_private};

/// What is logged unless `SKREAVER_LOG` says otherwise: of the MCP library, which tells of every request, only what went wrong.
const LOG: &str = "info,rmcp=warn";

/// How agents are served, whoever speaks to them.
#[derive(Clone, clap::Args)]
pub(crate) struct Served {
    /// Where agents with File or SQLite memory or with tools of files keep them, each in a folder of its own name.
    /// Default: $XDG_DATA_HOME/skreaver, or ~/.local/share/skreaver.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// A security.toml, which bounds what every agent may do besides what its ToolPolicies say.
    #[arg(long, value_name = "FILE")]
    security: Option<PathBuf>,
    /// Record every decision over a tool call at the end of this file, before its effect; `skreaver audit verify` judges it.
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// Refuse every tool call of agents that no ToolPolicy selects.
    #[arg(long)]
    require_tool_policy: bool,
}

impl Served {
    /// The agents of what was read, to be built when their callers are known. It takes others in while it runs.
    pub(crate) fn runtime(
        &self,
        local: Local,
        auth: Option<AuthConfig>,
        secrets: &Arc<Folder>,
        workers: Arc<Pool>,
    ) -> anyhow::Result<Builder> {
        let agents = local.resolve(self.require_tool_policy).map_err(|problems| all(&problems))?;
        if agents.is_empty() {
            bail!("there is no Agent in what was read");
        }
        let located = agents.iter().map(|(agent, _)| self.located(&local, agent, secrets).map_err(|problems| all(&problems)));
        let config = RuntimeConfig { agents: located.collect::<anyhow::Result<_>>()?, cluster: None, auth };
        let mut builder = Runtime::builder().config(config).workers(workers);
        if let Some(file) = &self.audit {
            let log = AuditLog::to_file(file).with_context(|| format!("failed to open the audit log {}", file.display()))?;
            builder = builder.audit(log);
        }
        if let Some(file) = &self.security {
            builder = builder.security(SecurityConfig::load_from_file(file)?);
        }
        for (agent, bundle) in agents {
            builder = builder.policies(agent.name, bundle);
        }
        let reader = Reader { served: self.clone(), local: Mutex::new(local), secrets: Arc::clone(secrets) };
        Ok(builder.manifests(move |manifest| reader.read(manifest)))
    }

    /// The configuration of an agent, with where it finds what it needs.
    fn located(&self, local: &Local, agent: &ResolvedAgent<'_>, secrets: &Folder) -> Result<AgentConfig, Vec<String>> {
        let (secrets, variables) = secrets.locate(local, agent)?;
        let folder = self.data_dir.as_ref();
        let one = |error: anyhow::Error| vec![format!("{error:#}")];
        let (data, files) = (data(agent, folder).map_err(one)?, files(agent, folder).map_err(one)?);
        Ok(agent_config(agent, &Locations { secrets, variables, data, files }))
    }
}

/// Reads manifests of agents that come while others are served: with the policies, ConfigMaps and Secrets of what was read first.
struct Reader {
    served: Served,
    local: Mutex<Local>,
    secrets: Arc<Folder>,
}

impl Reader {
    fn read(&self, manifest: Value) -> Result<(AgentConfig, PolicyBundle), Vec<String>> {
        let mut local = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        let (with, name) = local.with_agent(Document { origin: "the manifest".to_owned(), value: manifest })?;
        let mut agents = with.resolve(self.served.require_tool_policy)?.into_iter();
        let (agent, bundle) = agents.find(|(agent, _)| agent.name.as_str() == name).expect("it was added");
        let config = self.served.located(&with, &agent, &self.secrets)?;
        *local = with;
        Ok((config, bundle))
    }
}

/// Logs to standard error, in colours for people.
pub(crate) fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("SKREAVER_LOG").unwrap_or_else(|_| EnvFilter::new(LOG));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
}

/// The folder for an agent's memory. Made only for an agent that has some in files.
fn data(agent: &ResolvedAgent<'_>, folder: Option<&PathBuf>) -> anyhow::Result<PathBuf> {
    if !agent.agent.spec.memory.as_ref().is_some_and(|memory| memory.backend.has_volume()) {
        return Ok(PathBuf::new());
    }
    own_folder(agent, folder)
}

/// The folder in which an agent's tools of files work. Made only for an agent that has some.
fn files(agent: &ResolvedAgent<'_>, folder: Option<&PathBuf>) -> anyhow::Result<PathBuf> {
    if !works_with_files(agent) {
        return Ok(PathBuf::new());
    }
    let folder = own_folder(agent, folder)?.join("files");
    create_private(&folder)?;
    Ok(folder)
}

fn own_folder(agent: &ResolvedAgent<'_>, folder: Option<&PathBuf>) -> anyhow::Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let usual = || Some(variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")))?.join("skreaver"));
    let folder = folder
        .cloned()
        .or_else(usual)
        .context("there is no home folder to keep memory and files in; name one with --data-dir")?;
    let folder = std::path::absolute(folder)?.join(agent.name.as_str());
    create_private(&folder)?;
    Ok(folder)
}
