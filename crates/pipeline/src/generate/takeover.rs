//! Intruders: a burst of calls with a user's rights, from a place the user never was.

use std::rc::Rc;

use super::activity::{Period, local_midnight};
use super::catalogue::{Action, HOSTILE_SERVICES, HOSTILE_TOOLS, action};
use super::dice::{Dice, Purpose};
use super::event::Event;
use super::profile::{Profile, access_key};

/// What an intruder is after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Rights that last: users, keys, passwords.
    PrivilegeEscalation,
    /// Data: secrets, buckets, snapshots.
    DataExfiltration,
    /// Not being seen: trails, detectors.
    DefenseEvasion,
}

impl Kind {
    const ALL: [Self; 3] =
        [Self::PrivilegeEscalation, Self::DataExfiltration, Self::DefenseEvasion];

    /// The label in `labels.csv`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::PrivilegeEscalation => "privilege_escalation",
            Self::DataExfiltration => "data_exfiltration",
            Self::DefenseEvasion => "defense_evasion",
        }
    }

    fn steps(self) -> &'static [Step] {
        match self {
            Self::PrivilegeEscalation => {
                const {
                    &[
                        Step::done("iam", "ListUsers"),
                        Step::denied("iam", "GetAccountAuthorizationDetails"),
                        Step::done("iam", "ListAttachedUserPolicies"),
                        Step::denied("iam", "CreateLoginProfile"),
                        Step::done("iam", "CreateAccessKey"),
                        Step::done("iam", "AttachUserPolicy"),
                        Step::denied("organizations", "ListAccounts"),
                        Step::done("iam", "CreateUser"),
                    ]
                }
            }
            Self::DataExfiltration => {
                const {
                    &[
                        Step::done("secretsmanager", "ListSecrets"),
                        Step::denied("secretsmanager", "GetSecretValue"),
                        Step::done("secretsmanager", "GetSecretValue"),
                        Step::denied("organizations", "DescribeOrganization"),
                        Step::done("ec2", "ModifySnapshotAttribute"),
                        Step::done("s3", "PutBucketPolicy"),
                        Step::done("rds", "ModifyDBSnapshotAttribute"),
                    ]
                }
            }
            Self::DefenseEvasion => {
                const {
                    &[
                        Step::done("cloudtrail", "DescribeTrails"),
                        Step::done("cloudtrail", "GetEventSelectors"),
                        Step::denied("cloudtrail", "StopLogging"),
                        Step::done("guardduty", "ListDetectors"),
                        Step::denied("guardduty", "UpdateDetector"),
                        Step::done("cloudtrail", "DeleteTrail"),
                        Step::done("servicequotas", "ListServiceQuotas"),
                    ]
                }
            }
        }
    }
}

struct Step {
    service: &'static str,
    action: &'static str,
    denied: bool,
}

impl Step {
    const fn done(service: &'static str, action: &'static str) -> Self {
        Self { service, action, denied: false }
    }

    const fn denied(service: &'static str, action: &'static str) -> Self {
        Self { service, action, denied: true }
    }

    fn find(&self) -> Option<Action> {
        let source = format!("{}.amazonaws.com", self.service);
        HOSTILE_SERVICES
            .iter()
            .filter(|service| service.source == source)
            .flat_map(|service| service.actions())
            .find(|action| action.name == self.action)
            .or_else(|| action(&source, self.action))
    }
}

/// One takeover, on a day of the new activity.
#[derive(Debug)]
pub(super) struct Takeover {
    pub(super) kind: Kind,
    /// Day of the period.
    pub(super) day: u32,
    pub(super) events: Vec<Event>,
}

impl Takeover {
    /// In the small hours of the user's day, when the user is asleep.
    pub(super) fn new(seed: u64, profile: &Profile, period: &Period, rows: u32) -> Self {
        let dice = &mut Dice::new(seed, profile.number, Purpose::Takeover);
        let kind = *dice.any(&Kind::ALL);
        let day = dice.below(period.days);
        let address = outside(dice);
        let agent: Rc<str> = (*dice.any(HOSTILE_TOOLS)).into();
        let access_key = access_key(dice);
        let resource: Rc<str> = profile.identity.user.as_str().into();

        let longest_pause = (72_000 / rows).clamp(1, 60);
        let mut time =
            local_midnight(profile, period.date(day)) + i64::from(dice.between(3600, 10_800));
        let mut events = Vec::new();
        for step in kind.steps().iter().cycle().take(rows as usize) {
            let Some(action) = step.find() else { continue };
            events.push(Event {
                time,
                action,
                address: Rc::clone(&address),
                agent: Rc::clone(&agent),
                access_key: Rc::clone(&access_key),
                console: false,
                error: step.denied.then(|| denied(profile, step)),
                resource: Rc::clone(&resource),
                id: dice.bits(),
                request_id: dice.bits(),
                hostile: true,
            });
            time += i64::from(dice.between(1, longest_pause));
        }
        Self { kind, day, events }
    }
}

fn denied(profile: &Profile, step: &Step) -> (&'static str, Rc<str>) {
    let message = format!(
        "User: {} is not authorized to perform: {}:{}",
        profile.identity.arn(),
        step.service,
        step.action
    );
    ("AccessDenied", message.into())
}

/// Reserved for benchmarks (RFC 2544); no user has such an address.
fn outside(dice: &mut Dice) -> Rc<str> {
    let (second, third) = (dice.between(18, 19), dice.below(256));
    format!("198.{second}.{third}.{}", dice.between(1, 254)).into()
}

/// For each user whether the account is taken over.
pub(super) fn victims(seed: u64, users: u32, takeovers: u32) -> Vec<bool> {
    let everyone: Vec<u32> = (0..users).collect();
    let mut victims = vec![false; everyone.len()];
    let dice = &mut Dice::new(seed, 0, Purpose::World);
    for user in dice.some(&everyone, takeovers as usize) {
        victims[user as usize] = true;
    }
    victims
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_in_the_catalogue() {
        for step in Kind::ALL.iter().flat_map(|kind| kind.steps()) {
            assert!(step.find().is_some(), "{}:{}", step.service, step.action);
        }
    }
}
