//! Who acted: CloudTrail says it in a different place for each type of identity.
//!
//! | `userIdentity.type` | `actor` | `actor_kind` |
//! | --- | --- | --- |
//! | any, and `invokedBy` is a service | that service: it acted with somebody's credentials | `service` |
//! | `AWSService` | `invokedBy` | `service` |
//! | `Root` | `ACCOUNT:root` | `root` |
//! | `IAMUser` | `ACCOUNT:` user name | `user` |
//! | `AssumedRole` of IAM Identity Center (`AWSReservedSSO_…`) | the session's name, mostly an e-mail address | `person` |
//! | `AssumedRole` of a service (`AWSServiceRoleFor…`) | the role's name | `service` |
//! | `AssumedRole`, session named like an instance (`i-…`) | `ACCOUNT:` role name | `machine` |
//! | `AssumedRole`, `Role` | `ACCOUNT:` role name | `role` |
//! | `FederatedUser` | `ACCOUNT:` name behind `federated-user/` | `person` |
//! | `SAMLUser`, `WebIdentityUser` | user name | `person` |
//! | `IdentityCenterUser` | `onBehalfOf.userId` | `person` |
//! | `AWSAccount` | the account | `account` |
//! | `Directory`, `Unknown`, none | user name, else principal, else account | `unknown` |
//!
//! Names that are unique in an account only have the account before them. A role is one actor
//! whatever its sessions are called, since many programs call every session differently.

use super::{Inputs, Op, RowOp};
use crate::document::Keys;
use crate::error::FeatureError;
use arrow_array::ArrayRef;
use dfp_logs::texts;
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

/// The columns that they are made of.
pub const INPUTS: [&str; 8] = [
    "userIdentitytype",
    "userIdentityinvokedBy",
    "userIdentityaccountId",
    "userIdentityuserName",
    "userIdentityprincipalId",
    "userIdentityarn",
    "userIdentitysessionContextsessionIssueruserName",
    "userIdentityonBehalfOfuserId",
];

/// One event's identity; a part that is missing is empty.
#[derive(Clone, Copy, Debug, Default)]
struct Identity<'a> {
    kind: &'a str,
    invoked_by: &'a str,
    account: &'a str,
    user_name: &'a str,
    principal: &'a str,
    arn: &'a str,
    issuer: &'a str,
    on_behalf_of: &'a str,
}

#[derive(Debug)]
struct Actor;

pub(super) fn actor(_: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    Some(Op::Row(Arc::new(Actor)))
}

impl RowOp for Actor {
    fn suffixes(&self) -> &'static [&'static str] {
        &["", "_kind"]
    }

    /// Events name the columns of their own type of identity alone.
    fn takes_what_there_is(&self) -> bool {
        true
    }

    /// A row that names nobody has neither an actor nor a kind.
    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, FeatureError> {
        let parts =
            inputs.cells.iter().map(|cells| cells.texts()).collect::<Result<Vec<_>, _>>()?;
        let (mut actors, mut kinds) = (Vec::new(), Vec::new());
        for row in 0..inputs.rows {
            let part = |i: usize| parts.get(i).and_then(|part| part.get(row)).unwrap_or_default();
            let identity = Identity {
                kind: part(0),
                invoked_by: part(1),
                account: part(2),
                user_name: part(3),
                principal: part(4),
                arn: part(5),
                issuer: part(6),
                on_behalf_of: part(7),
            };
            let (actor, kind) = identity.actor();
            kinds.push((!actor.is_empty()).then_some(kind));
            actors.push((!actor.is_empty()).then_some(actor.into_owned()));
        }
        Ok(vec![texts::collect(actors.into_iter())?, texts::collect(kinds.into_iter())?])
    }
}

impl<'a> Identity<'a> {
    fn actor(&self) -> (Cow<'a, str>, &'static str) {
        // What the console does for a person says "AWS Internal", which is no service.
        if self.invoked_by.ends_with(".amazonaws.com") || self.kind == "AWSService" {
            return (self.invoked_by.into(), "service");
        }
        match self.kind {
            "Root" => (self.in_account("root"), "root"),
            "IAMUser" => (self.in_account(first(&[self.user_name, self.principal])), "user"),
            "AssumedRole" | "Role" => self.role(),
            "FederatedUser" => {
                let name = self.arn.rsplit_once("federated-user/").map_or("", |(_, name)| name);
                (self.in_account(first(&[name, self.issuer, self.principal])), "person")
            }
            "SAMLUser" | "WebIdentityUser" => {
                (first(&[self.user_name, self.principal]).into(), "person")
            }
            "IdentityCenterUser" => {
                (first(&[self.on_behalf_of, self.user_name, self.principal]).into(), "person")
            }
            "AWSAccount" => (self.account().into(), "account"),
            _ => {
                let name = first(&[self.user_name, self.principal]);
                let actor =
                    if name.is_empty() { self.account().into() } else { self.in_account(name) };
                (actor, "unknown")
            }
        }
    }

    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`
    fn role(&self) -> (Cow<'a, str>, &'static str) {
        let (role, session) = self
            .arn
            .split_once(":assumed-role/")
            .and_then(|(_, path)| path.rsplit_once('/'))
            .unwrap_or_default();
        let role = first(&[self.issuer, role, self.principal]);
        if role.starts_with("AWSReservedSSO_") && !session.is_empty() {
            (session.into(), "person")
        } else if role.starts_with("AWSServiceRoleFor") {
            (role.into(), "service")
        } else if session.starts_with("i-") {
            (self.in_account(role), "machine")
        } else {
            (self.in_account(role), "role")
        }
    }

    /// The account without the prefix that the reader gives to a column of numbers.
    fn account(&self) -> &'a str {
        self.account.strip_prefix("Account-").unwrap_or(self.account)
    }

    fn in_account(&self, name: &'a str) -> Cow<'a, str> {
        match (name, self.account()) {
            ("", _) | (_, "") => name.into(),
            (name, account) => format!("{account}:{name}").into(),
        }
    }
}

/// The first text that is not empty.
fn first<'a>(texts: &[&'a str]) -> &'a str {
    texts.iter().find(|text| !text.is_empty()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{made, texts_of};
    use super::*;

    #[test]
    fn every_type_of_identity_names_its_actor() {
        let base = Identity { account: "Account-123", ..Identity::default() };
        let session = |arn| Identity { kind: "AssumedRole", arn, ..base };
        for (identity, actor, kind) in [
            (Identity { kind: "Root", ..base }, "123:root", "root"),
            (Identity { kind: "IAMUser", user_name: "ana", ..base }, "123:ana", "user"),
            (
                Identity {
                    kind: "IAMUser",
                    user_name: "ana",
                    invoked_by: "health.amazonaws.com",
                    ..base
                },
                "health.amazonaws.com",
                "service",
            ),
            (
                Identity { kind: "IAMUser", user_name: "ana", invoked_by: "AWS Internal", ..base },
                "123:ana",
                "user",
            ),
            (
                Identity { kind: "AWSService", invoked_by: "rds.amazonaws.com", ..base },
                "rds.amazonaws.com",
                "service",
            ),
            (
                session("arn:aws:sts::123:assumed-role/AWSReservedSSO_Admin_1f/ana@example.org"),
                "ana@example.org",
                "person",
            ),
            (
                session("arn:aws:sts::123:assumed-role/AWSServiceRoleForRDS/SLRManagement"),
                "AWSServiceRoleForRDS",
                "service",
            ),
            (session("arn:aws:sts::123:assumed-role/web/i-05c3"), "123:web", "machine"),
            (session("arn:aws:sts::123:assumed-role/deploy/botocore-1"), "123:deploy", "role"),
            (Identity { issuer: "deploy", ..session("") }, "123:deploy", "role"),
            (
                Identity {
                    kind: "FederatedUser",
                    arn: "arn:aws:sts::123:federated-user/bo",
                    issuer: "broker",
                    ..base
                },
                "123:bo",
                "person",
            ),
            (
                Identity { kind: "SAMLUser", user_name: "bo@example.org", ..base },
                "bo@example.org",
                "person",
            ),
            (
                Identity { kind: "IdentityCenterUser", on_behalf_of: "94d8", ..base },
                "94d8",
                "person",
            ),
            (Identity { kind: "AWSAccount", ..base }, "123", "account"),
            (Identity { principal: "AIDA", ..base }, "123:AIDA", "unknown"),
            (base, "123", "unknown"),
            (Identity::default(), "", "unknown"),
        ] {
            assert_eq!(identity.actor(), (actor.into(), kind), "{identity:?}");
        }
    }

    #[test]
    fn a_row_that_names_nobody_has_no_actor() {
        let batch = made(
            "name = 'actor'\nop = 'actor'",
            &[
                ("userIdentitytype", &[Some("IAMUser"), None]),
                ("userIdentityuserName", &[Some("ana"), None]),
            ],
        );
        assert_eq!(texts_of(&batch, "actor"), [Some("ana"), None]);
        assert_eq!(texts_of(&batch, "actor_kind"), [Some("user"), None]);
    }
}
