//! Why an Agent could not be brought to what its spec says.

use skreaver_crds::condition::Reason;
use skreaver_render::{ChildKind, Unresolved};

/// What stands in the way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{}", join(.0))]
    Unresolved(Vec<Unresolved>),
    #[error("{}", taken(.0))]
    NameTaken(Vec<(ChildKind, String)>),
    #[error("failed to {verb} {what} `{name}`: {}", told(.source))]
    Api { verb: &'static str, what: String, name: String, source: Box<kube::Error> },
}

impl Problem {
    /// The word for condition, event and metric.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Unresolved(missing) => missing.first().map_or(Reason::ConfigMapNotFound, |first| first.reason),
            Self::NameTaken(_) => Reason::NameTaken,
            Self::Api { .. } if self.is_refusal() => Reason::Rejected,
            Self::Api { .. } => Reason::ApiError,
        }
    }

    /// Whether the API server refuses what is asked of it, and will until it is asked something else.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Unresolved(_) | Self::NameTaken(_) => false,
            Self::Api { source, .. } => {
                matches!(source.as_ref(), kube::Error::Api(status) if matches!(status.code, 400 | 413 | 422))
            }
        }
    }

    /// An error of the API server, with what was tried on what.
    pub(crate) fn api(verb: &'static str, what: impl Into<String>, name: &str) -> impl FnOnce(kube::Error) -> Self {
        let (what, name) = (what.into(), name.to_owned());
        move |source| Self::Api { verb, what, name, source: Box::new(source) }
    }

    /// Whether trying again at once is likely to help: somebody else wrote, or went, in between.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unresolved(_) | Self::NameTaken(_) => false,
            Self::Api { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => !matches!(status.code, 400 | 401 | 403 | 405 | 413 | 415 | 422),
                _ => true,
            },
        }
    }
}

/// The sentence of the API server, without the rest of its answer.
pub(crate) fn told(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

fn join(missing: &[Unresolved]) -> String {
    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn taken(names: &[(ChildKind, String)]) -> String {
    let list: Vec<_> = names.iter().map(|(kind, name)| format!("{kind:?} `{name}`")).collect();
    format!(
        "{} exists already and does not belong to this Agent; delete it or give the Agent another name. Nothing was changed",
        list.join(", ")
    )
}
