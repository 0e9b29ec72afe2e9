//! `skreaver approvals`: the calls that wait for people on this machine, and what people say of them.

use std::fmt::Display;

use anyhow::{Context, bail};
use clap::Subcommand;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Response};
use serde::de::DeserializeOwned;
use skreaver::protocol::AgentName;
use skreaver::protocol::approval::{ApprovalRequest, ApprovalState, Choice};
use skreaver::protocol::problem::Problem;
use skreaver::protocol::rest::{AgentList, AgentSummary, ApprovalDecision, ApprovalList, ApprovalOutcome, WaitingApproval};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where `skreaver run` listens.
    #[arg(long, global = true, value_name = "URL", default_value = "http://127.0.0.1:3000")]
    server: String,
    /// What proves who you are, where `skreaver run` asks: an API key, or a token. It decides under its own name.
    #[arg(long, global = true, value_name = "KEY", env = "SKREAVER_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do. In a cluster it is done with kubectl on the ToolApprovals.
#[derive(Subcommand)]
enum Command {
    /// List the calls that wait. That is what is done without a command, too.
    List,
    /// Let a call happen.
    Approve(Decision),
    /// Do not let a call happen.
    Deny(Decision),
}

#[derive(clap::Args)]
struct Decision {
    /// The name of the waiting call, as the list tells it.
    name: String,
    /// Who decides. Where several people have to approve, each gives a name. Default: the name of the user of this machine.
    #[arg(long, env = "USER", default_value = "local")]
    user: String,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
}

pub(crate) fn approvals(args: &Args) -> anyhow::Result<()> {
    let server = Server { client: client(args.api_key.as_deref())?, url: args.server.trim_end_matches('/').to_owned() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match &args.command {
            None | Some(Command::List) => server.list().await,
            Some(Command::Approve(decision)) => server.decide(decision, Choice::Approve).await,
            Some(Command::Deny(decision)) => server.decide(decision, Choice::Deny).await,
        }
    })
}

/// A client that proves in each request who it is.
fn client(api_key: Option<&str>) -> anyhow::Result<Client> {
    let mut headers = HeaderMap::new();
    if let Some(key) = api_key {
        let mut value = HeaderValue::try_from(format!("Bearer {key}")).context("the API key is no text that can be sent")?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Client::builder().default_headers(headers).build().context("failed to make a client")
}

struct Server {
    client: Client,
    url: String,
}

impl Server {
    async fn list(&self) -> anyhow::Result<()> {
        let waiting = self.waiting().await?;
        if waiting.is_empty() {
            println!("no call waits for approval");
        }
        waiting.iter().for_each(print);
        Ok(())
    }

    async fn decide(&self, Decision { name, user, reason }: &Decision, decision: Choice) -> anyhow::Result<()> {
        let waiting = self.waiting().await?;
        let Some(found) = waiting.iter().find(|waiting| waiting.request.name == *name) else {
            bail!("no call waits for approval as `{name}`; `skreaver approvals` lists those that do");
        };
        let path = format!("/agents/{}/approvals/{name}", found.request.agent);
        let body = ApprovalDecision { decision, user: Some(user.clone()), reason: reason.clone() };
        let sent = self.client.post(format!("{}{path}", self.url)).json(&body).send().await;
        let ApprovalOutcome { state } = answer(sent.with_context(|| self.unreachable())?).await?;
        match state {
            ApprovalState::Approved => println!("{name} is approved"),
            ApprovalState::Denied => println!("{name} is denied"),
            ApprovalState::Waiting => println!("{name} waits for more people: {} have to approve", found.request.quorum),
            ApprovalState::Expired | ApprovalState::Withdrawn => println!("{name} waits no longer"),
        }
        Ok(())
    }

    async fn waiting(&self) -> anyhow::Result<Vec<WaitingApproval>> {
        let mut waiting = Vec::new();
        for agent in self.agents().await? {
            let path = format!("/agents/{}/approvals", agent.id);
            let mut from: Option<String> = None;
            loop {
                let ApprovalList { approvals, next } = self.get(&part(&path, from)).await?;
                waiting.extend(approvals);
                from = next;
                if from.is_none() {
                    break;
                }
            }
        }
        Ok(waiting)
    }

    async fn agents(&self) -> anyhow::Result<Vec<AgentSummary>> {
        let mut all = Vec::new();
        let mut from: Option<AgentName> = None;
        loop {
            let AgentList { agents, next } = self.get(&part("/agents", from)).await?;
            all.extend(agents);
            from = next;
            if from.is_none() {
                return Ok(all);
            }
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        answer(self.client.get(format!("{}{path}", self.url)).send().await.with_context(|| self.unreachable())?).await
    }

    fn unreachable(&self) -> String {
        format!("failed to reach {}; is `skreaver run` there? `--server` says where", self.url)
    }
}

/// Where a part of a list is; what stands for a place in it needs no escapes.
fn part(path: &str, from: Option<impl Display>) -> String {
    let from = from.map(|from| format!("&from={from}")).unwrap_or_default();
    format!("{path}?limit=200{from}")
}

async fn answer<T: DeserializeOwned>(response: Response) -> anyhow::Result<T> {
    let (status, url) = (response.status(), response.url().clone());
    let body = response.bytes().await.with_context(|| format!("{url} broke off"))?;
    if status.is_success() {
        return serde_json::from_slice(&body).with_context(|| format!("{url} answered with something else than expected"));
    }
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => bail!("{}", problem.detail),
        Err(_) => bail!("{url} answered {status}"),
    }
}

fn print(WaitingApproval { request, decisions }: &WaitingApproval) {
    let ApprovalRequest { name, agent, run, tool, preview, asked_by, quorum, expires_at_ms, .. } = request;
    println!("{name}\n  agent {agent} wants to call {tool} with {preview}\n  run {run}");
    for by in asked_by {
        let rule = by.rule.as_ref().map(|rule| format!(", rule {rule}")).unwrap_or_default();
        println!("  asked by ToolPolicy {}{rule}", by.policy);
    }
    let left = i64::try_from(*expires_at_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let left = left.map(|until| format!(", denied at {until} otherwise")).unwrap_or_default();
    println!("  {} of {quorum} approved{left}", decisions.len());
}
