//! One call, in no file's form yet.

use std::rc::Rc;

use super::catalogue::Action;

/// One recorded call of a user.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(super) action: Action,
    pub(super) address: Rc<str>,
    pub(super) agent: Rc<str>,
    pub(super) access_key: Rc<str>,
    /// Whether the call came through a web console.
    pub(super) console: bool,
    /// Code and message of a call that failed.
    pub(super) error: Option<(&'static str, Rc<str>)>,
    /// What it was about: the name of a bucket, a function, a parameter …
    pub(super) resource: Rc<str>,
    /// Its requestID is made of these.
    pub(super) request_id: u128,
}

/// Who a user is to the account.
#[derive(Debug)]
pub(super) struct Identity {
    /// `user123`: name of the role, as `sessionIssuer.userName` has it.
    pub(super) user: String,
    pub(super) account: String,
    /// `AROA…`, the role's id.
    pub(super) role_id: String,
}

impl Identity {
    pub(super) fn principal_id(&self) -> String {
        format!("{}:{}", self.role_id, self.user)
    }

    pub(super) fn arn(&self) -> String {
        format!("arn:aws:sts::{}:assumed-role/{user}/{user}", self.account, user = self.user)
    }
}
