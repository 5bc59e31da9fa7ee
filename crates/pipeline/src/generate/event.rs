//! One call, in no file's form yet.

use std::rc::Rc;

use super::catalogue::Action;

/// One recorded call of a user.
#[derive(Debug, Clone)]
pub(super) struct Event {
    /// Seconds since 1970, UTC.
    pub(super) time: i64,
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
    /// Its eventID and its requestID are made of these.
    pub(super) id: u128,
    pub(super) request_id: u128,
    pub(super) hostile: bool,
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

/// The usual form of an eventID: a random (version 4) UUID.
pub(super) fn uuid(bits: u128) -> String {
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    #[test]
    fn uuids_have_their_version_and_variant() {
        assert_eq!(super::uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(super::uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
