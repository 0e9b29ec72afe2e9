//! A session, and whose it is: two callers who choose the same id have two sessions.

use sha2::{Digest, Sha256};
use skreaver_protocol::{Caller, SessionId};

/// A session, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SessionPlace {
    owner: Owner,
    session: SessionId,
}

/// Whose sessions they are: under what they lie. Nothing for nobody in particular, whose sessions lie where they always did.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner(Option<String>);

impl Owner {
    /// A caller.
    pub fn of(caller: &Caller) -> Self {
        Self::of_identity(&caller.identity())
    }

    /// The caller of this [identity](Caller::identity).
    pub fn of_identity(identity: &str) -> Self {
        if identity == Caller::Anonymous.identity() {
            return Self(None);
        }
        // A digest: identities have any length, and any characters.
        Self(Some(format!("{:x}", Sha256::digest(identity))))
    }

    /// What the keys of all their sessions begin with.
    pub(crate) fn sessions(&self) -> String {
        self.0.as_ref().map_or_else(|| "session/".to_owned(), |digest| format!("caller/{digest}/session/"))
    }
}

impl SessionPlace {
    pub(crate) fn new(owner: &Owner, session: &SessionId) -> Self {
        Self { owner: owner.clone(), session: session.clone() }
    }

    /// What all its keys begin with.
    pub(crate) fn prefix(&self) -> String {
        format!("{}{}/", self.owner.sessions(), self.session)
    }

    /// Its name among leases, of which no two sessions have the same.
    pub(crate) fn lease(&self) -> String {
        let Self { owner: Owner(owner), session } = self;
        owner.as_ref().map_or_else(|| session.to_string(), |digest| format!("{digest}/{session}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(caller: &Caller) -> SessionPlace {
        SessionPlace::new(&Owner::of(caller), &SessionId::parse("s").unwrap())
    }

    #[test]
    fn what_is_nobodys_lies_where_earlier_versions_put_it() {
        let place = place(&Caller::Anonymous);
        assert_eq!((place.prefix().as_str(), place.lease().as_str()), ("session/s/", "s"));
    }

    #[test]
    fn a_caller_has_one_place_and_no_two_have_the_same() {
        let user = |subject: &str, name: &str| Caller::User {
            issuer: "i".into(),
            subject: subject.into(),
            name: name.into(),
            groups: Vec::new(),
        };
        assert_eq!(place(&user("7", "ann")), place(&user("7", "ann.smith")));
        let callers = [user("7", "ann"), user("8", "ann"), Caller::ApiKey { name: "ann".into() }, Caller::Anonymous];
        let prefixes: std::collections::BTreeSet<_> = callers.iter().map(|caller| place(caller).prefix()).collect();
        assert_eq!(prefixes.len(), callers.len());
    }
}
