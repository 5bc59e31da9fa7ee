//! Intruders who call with a user's rights.

use std::rc::Rc;

use super::call::Call;
use super::catalogue::{Action, HOSTILE_SERVICES, HOSTILE_TOOLS, SERVICES, Service, action};
use super::profile::{Profile, access_key};
use crate::activity::{Dated, Event};
use crate::addresses::outside;
use crate::calendar::Period;
use crate::kind::Kind;
use crate::stable_rng::Dice;
use crate::takeover::Schedule;

/// What is done; a takeover goes through it as often as it has rows for.
fn steps(kind: Kind) -> &'static [Step] {
    match kind {
        Kind::PrivilegeEscalation => {
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
        Kind::DataExfiltration | Kind::SlowDrip => {
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
        Kind::DefenseEvasion => {
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
        Kind::FailuresThenSuccess => const { &[Step::denied("sts", "AssumeRole")] },
        // At unusual hours the user's own tools are used, on services at random. The other kinds are of
        // sign-ins, and not accepted here.
        Kind::UnusualHours | Kind::NewCountryAndDevice | Kind::PrivilegeActions => &[],
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

/// What an intruder does in the period.
pub(super) fn events(
    profile: &Profile,
    dice: &mut Dice,
    period: &Period,
    kind: Kind,
    rows: u32,
) -> Vec<Dated<Call>> {
    let day = dice.below(period.days);
    if kind == Kind::UnusualHours {
        return unusual_hours(profile, dice, period, day, rows);
    }
    let address = outside(dice);
    let agent: Rc<str> = (*dice.any(HOSTILE_TOOLS)).into();
    let access_key = access_key(dice);
    let resource: Rc<str> = profile.identity.user.as_str().into();
    let mut schedule = match kind {
        Kind::SlowDrip => Schedule::daily(dice, &profile.hours, period, rows),
        _ => Schedule::night(dice, &profile.hours, period, day, rows),
    };
    let mut events = Vec::new();
    for (row, step) in (1..=rows).zip(steps(kind).iter().cycle()) {
        let Some(action) = step.find() else { continue };
        let let_in = kind == Kind::FailuresThenSuccess && row == rows;
        let call = Call {
            action,
            address: Rc::clone(&address),
            agent: Rc::clone(&agent),
            access_key: Rc::clone(&access_key),
            console: false,
            error: (step.denied && !let_in).then(|| denied(profile, step)),
            resource: Rc::clone(&resource),
            request_id: 0,
        };
        events.push(hostile(dice, &mut schedule, call));
    }
    events
}

/// With the user's own address, tool and key, on services that the user has nothing to do with.
fn unusual_hours(
    profile: &Profile,
    dice: &mut Dice,
    period: &Period,
    day: u32,
    rows: u32,
) -> Vec<Dated<Call>> {
    let routines = &profile.routines;
    let strange = |service: &&Service| {
        let source = |action: &Action| action.service.source == service.source;
        !routines.iter().any(|routine| routine.actions.iter().any(source))
    };
    let actions: Vec<Action> = SERVICES.iter().filter(strange).flat_map(Service::actions).collect();
    let (address, agent) = (dice.habit(&profile.hand.addresses), dice.habit(&profile.hand.agents));
    let access_key = dice.habit(&profile.hand.access_keys);
    let resource: Rc<str> = profile.identity.user.as_str().into();
    let mut schedule = Schedule::night(dice, &profile.hours, period, day, rows);
    (0..rows)
        .map(|_| {
            let call = Call {
                action: *dice.any(&actions),
                address: Rc::clone(address),
                agent: Rc::clone(&agent.name),
                access_key: Rc::clone(access_key),
                console: agent.console,
                error: None,
                resource: Rc::clone(&resource),
                request_id: 0,
            };
            hostile(dice, &mut schedule, call)
        })
        .collect()
}

/// The row at which `schedule` stands.
fn hostile(dice: &mut Dice, schedule: &mut Schedule<'_>, call: Call) -> Dated<Call> {
    let id = dice.bits();
    let what = Call { request_id: dice.bits(), ..call };
    let dated = (schedule.day, Event { time: schedule.time, id, hostile: true, what });
    schedule.advance(dice);
    dated
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_in_the_catalogue() {
        for step in Kind::CLOUDTRAIL.iter().flat_map(|kind| steps(*kind)) {
            assert!(step.find().is_some(), "{}:{}", step.service, step.action);
        }
    }
}
